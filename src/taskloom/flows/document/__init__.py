"""The document pipeline, pure: what a project declares, what a document may do next, whether its values pass.

schema.py      what a project declares: steps, entities, labels, rules   (validated in validation.py)
amounts.py dates.py identifiers.py   how a shown text becomes a value    (values.py picks by entity type)
pages.py       what is known of a document: pages and what stands on them
check.py       the one check, for automatic processing and for people    (rules.py: the FEEL part)
state.py       where a document is       pipeline.py   what may happen to it, table first
uploads.py     what an upload's documents make of the upload
"""
