"""What the automatic steps do with real files, in processes of their own.

pdf.py         opens a stranger's file within limits       text.py      pages and words out of it
einvoice.py    the XML inside: cii.py and ubl.py read it    lines.py     words as lines of tokens
labels.py      what invoices print beside their values      anchors.py   values beside labels
extract.py     both together, as proposals                  export.py    one JSON line per document
worker.py      the process that runs a step                 pool.py      keeps such processes, within limits
"""
