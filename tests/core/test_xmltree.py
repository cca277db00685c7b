"""The XML reader: what it keeps of ordinary documents, and that hostile ones cost next to nothing."""

import tracemalloc

import pytest

from taskloom.core.xmltree import DEFAULT_LIMITS, XmlError, XmlLimits, parse_xml

MEGABYTE = 1024 * 1024
pytestmark = pytest.mark.timeout(30)


def refused(document: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> XmlError:
    """The refusal, after checking that it was cheap in memory; the guard of the file bounds its time."""
    tracemalloc.start()
    with pytest.raises(XmlError) as caught:
        parse_xml(document, limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MEGABYTE
    return caught.value


def test_a_tree_keeps_names_attributes_text_and_positions():
    root = parse_xml(b'<a x="1">\n  <b>t</b><c y="&lt;&#65;"/></a>')
    b, c = root.children
    assert (root.local, root.get("x"), root.line, root.column) == ("a", "1", 1, 1)
    assert (b.local, b.text, b.line, b.column, b.parent) == ("b", "t", 2, 3, root)
    assert c.attributes == {("", "y"): "<A"}
    assert root.get("absent") is None


def test_walk_is_in_document_order():
    root = parse_xml(b"<a><b><c/><d/></b><e/></a>")
    assert [element.local for element in root.walk()] == ["a", "b", "c", "d", "e"]


def test_children_are_found_by_local_name_and_namespace():
    root = parse_xml(b'<a xmlns:p="urn:p"><p:x>1</p:x><x>2</x></a>')
    assert [child.text for child in root.all("x")] == ["1", "2"]
    assert [child.text for child in root.all("x", "urn:p")] == ["1"]
    assert root.child("y") is None
    assert root.child_text("x", "") == "2"
    assert root.child_text("y") is None


def test_text_keeps_whitespace_and_joins_cdata_comments_and_lines():
    root = parse_xml(b"<a> x\r\n<![CDATA[<&>]]><!-- no --> y<b>inner</b>\tz</a>")
    assert root.text == " x\n<&> y\tz"


def test_namespaces_are_resolved_for_elements_attributes_and_values():
    root = parse_xml(
        b'<a xmlns="urn:d" xmlns:p="urn:p" p:k="v" k="w"><b xmlns=""/><p:c xmlns:p="urn:q" t="p:n"/></a>'
    )
    b, c = root.children
    assert root.tag == ("urn:d", "a")
    assert root.get("k") == "w"
    assert root.get("k", "urn:p") == "v"
    assert b.tag == ("", "b")
    assert c.tag == ("urn:q", "c")
    assert c.qualified("p:n") == ("urn:q", "n")
    assert c.qualified(" n ") == ("urn:d", "n")
    assert c.qualified("z:n") == ("", "z:n")


def test_the_same_declaration_on_every_element_costs_one_scope():
    root = parse_xml(b"<a>" + b'<b xmlns="urn:b"/>' * 5_000 + b"</a>")
    assert {child.tag for child in root.children} == {("urn:b", "b")}
    assert len({id(child.prefixes) for child in root.children}) == 1


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "UTF-8"), ("utf-16", "UTF-16"), ("latin-1", "ISO-8859-1"), ("utf-8-sig", "utf-8")],
)
def test_the_encodings_of_expat_are_read(encoding, declared):
    text = f'<?xml version="1.0" encoding="{declared}"?><a>\u00fc</a>'
    assert parse_xml(text.encode(encoding)).text == "\u00fc"


def test_other_encodings_are_refused():
    error = refused(b'<?xml version="1.0" encoding="windows-1252"?><a/>')
    assert "encoding" in error.message


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"   ",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&unknown;</a>",
        b"<a>\x00</a>",
        b"<a>\xff</a>",
        b'<a x="1" x="2"/>',
        b'<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>',
        b"<p:a/>",
        b'<a p:x="1"/>',
        b'<a xmlns:p=""/>',
        b'<a xmlns:xmlns="urn:x"/>',
        b'<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>',
        b'<a xmlns:p="u"><p:b:c/></a>',
        b"plain text",
    ],
)
def test_malformed_documents_are_refused_with_a_position(document):
    error = refused(document)
    assert error.line >= 1
    assert error.column >= 1
    assert error.message


def test_the_error_names_the_place():
    error = refused(b"<a>\n  <b></c>\n</a>")
    assert (error.line, error.column) == (2, 8)
    assert str(error) == "line 2, column 8: mismatched tag"


def test_billion_laughs_are_refused():
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10)
    )
    error = refused(b'<!DOCTYPE a [<!ENTITY l0 "lol">' + entities + b"]><a>&l9;</a>")
    assert "DOCTYPE" in error.message


def test_quadratic_blow_up_is_refused():
    error = refused(b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 100_000 + b'">]><a>' + b"&x;" * 100_000 + b"</a>")
    assert "DOCTYPE" in error.message


@pytest.mark.parametrize(
    "doctype",
    [
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE a PUBLIC "x" "http://127.0.0.1/x.dtd">',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>',
        b"<!DOCTYPE a>",
    ],
)
def test_external_entities_and_every_doctype_are_refused(doctype):
    assert "DOCTYPE" in refused(doctype + b"<a>&x;</a>").message
    assert "DOCTYPE" in refused((doctype + b"<a>&x;</a>").decode().encode("utf-16")).message


def test_processing_instructions_have_no_effect():
    root = parse_xml(b'<?xml-stylesheet href="http://127.0.0.1/x"?><a><?php x ?>t</a>')
    assert root.text == "t"


def test_deep_nesting_is_refused_and_the_bound_itself_is_allowed():
    assert parse_xml(b"<a>" * 200 + b"</a>" * 200).local == "a"
    assert "deeper" in refused(b"<a>" * 201 + b"</a>" * 201).message
    assert "deeper" in refused(b"<a>" * 1_000_000).message


def test_many_attributes_are_refused():
    one = b" ".join(b'a%d="1"' % number for number in range(101))
    assert "more than 100 attributes" in refused(b"<a " + one + b"/>").message
    hundred = b"<b " + b" ".join(b'a%d="1"' % number for number in range(100)) + b"/>"
    assert "attributes" in refused(b"<a>" + hundred * 2_600 + b"</a>").message


def test_many_elements_are_refused():
    assert "50000 elements" in refused(b"<a>" + b"<b/>" * 50_000 + b"</a>").message


def test_a_large_document_is_refused():
    assert "larger than" in refused(b"<a>" + b" " * (5 * MEGABYTE) + b"</a>").message


@pytest.mark.parametrize("opening", [b"<!-- ", b'<b x="', b"<?pi ", b"<b", b"<b " + b"\n" * 600_000])
def test_a_token_without_end_is_refused(opening):
    assert "longer than" in refused(b"<a>" + opening + b"x" * (4 * MEGABYTE)).message


@pytest.mark.parametrize("opening", [b"<!-- ", b'<b x="', b"<?pi ", b" " * 100, b"<!-- -->" * 10_000])
def test_a_long_prolog_is_refused(opening):
    assert refused(opening + b"x" * MEGABYTE).message


def test_a_long_text_is_no_token():
    assert len(parse_xml(b"<a>" + b"x" * (4 * MEGABYTE) + b"</a>").text) == 4 * MEGABYTE


def test_a_long_namespace_is_not_copied_into_every_name():
    document = b'<p:a xmlns:p="' + b"u" * 30_000 + b'">' + b'<p:b p:c="1"/>' * 40_000 + b"</p:a>"
    tracemalloc.start()
    root = parse_xml(document)
    assert tracemalloc.get_traced_memory()[1] < 80 * MEGABYTE
    tracemalloc.stop()
    assert len(root.children) == 40_000


def test_many_namespace_declarations_are_refused():
    many = b"<a>" + b"".join(b'<b xmlns:p="u%d"/>' % number for number in range(3_000)) + b"</a>"
    assert "namespace" in refused(many).message
    nested = b"".join(b'<b xmlns:p%d="u"/>'.replace(b"/", b"") % number for number in range(150))
    assert "namespace" in refused(nested).message


def test_smaller_limits_can_be_asked_for():
    limits = XmlLimits(document_bytes=100, elements=2)
    assert "elements" in refused(b"<a><b/><b/></a>", limits).message
    assert "larger" in refused(b"<a>" + b" " * 100 + b"</a>", limits).message
