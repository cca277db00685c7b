"""Any bytes end in a tree or an XmlError. Run: python fuzz/xmltree.py [corpus folder]"""

import sys

import atheris

with atheris.instrument_imports():
    from taskloom.core.xmltree import XmlError, parse_xml


def one_input(data):
    try:
        root = parse_xml(data)
    except XmlError as error:
        assert error.line >= 1
        assert error.column >= 1
        return
    assert sum(1 for _ in root.walk()) <= 50_000


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
