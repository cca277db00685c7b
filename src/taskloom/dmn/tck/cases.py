"""Test files of the kit: cases with inputs and expected results, as FEEL values."""

from collections.abc import Callable
from typing import Final

import msgspec

from taskloom.core.xmltree import Element, XmlError, parse_xml
from taskloom.dmn.model import DmnError
from taskloom.dmn.parse_elements import normalised_name
from taskloom.feel import Value, iso
from taskloom.feel.decimals import number_of

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class InputNode(msgspec.Struct, frozen=True):
    """A value handed in; the namespace says which imported model it belongs to."""

    name: str
    value: Value
    namespace: str | None = None


class ResultNode(msgspec.Struct, frozen=True):
    """What must come out; `is_error` only says why a null is expected."""

    name: str
    expected: Value
    is_error: bool = False


class TestCase(msgspec.Struct, frozen=True):
    """One evaluation: of decisions by their names, or of the invocable that is named."""

    __test__ = False

    id: str
    kind: str
    invocable: str | None
    inputs: tuple[InputNode, ...]
    results: tuple[ResultNode, ...]


class TestFile(msgspec.Struct, frozen=True):
    """One file of cases for one model."""

    __test__ = False

    model_name: str
    cases: tuple[TestCase, ...]


def parse_test_file(document: bytes) -> TestFile | None:
    """The cases of the file; None when the file is XML of another kind."""
    try:
        root = parse_xml(document)
    except XmlError as error:
        raise DmnError(error.message, error.line, error.column) from None
    if root.local != "testCases":
        return None
    model_name = (root.child_text("modelName") or "").strip()
    return TestFile(model_name, tuple(_case(element) for element in root.all("testCase")))


def _case(element: Element) -> TestCase:
    return TestCase(
        id=element.get("id") or "",
        kind=element.get("type") or "decision",
        invocable=element.get("invocableName"),
        inputs=tuple(_input_node(child) for child in element.all("inputNode")),
        results=tuple(_result_node(child) for child in element.all("resultNode")),
    )


def _input_node(element: Element) -> InputNode:
    return InputNode(_name(element), _value_within(element), element.get("namespace"))


def _result_node(element: Element) -> ResultNode:
    expected = element.child("expected")
    return ResultNode(
        _name(element),
        None if expected is None else _value_within(expected),
        element.get("errorResult") in {"true", "1"},
    )


def _name(element: Element) -> str:
    return normalised_name(element.get("name") or "")


def _value_within(element: Element) -> Value:
    """The value an element holds: a plain one, a list, or a context given as components."""
    if element.get("nil", _XSI) in {"true", "1"}:
        return None
    plain = element.child("value")
    if plain is not None:
        return _plain_value(plain)
    items = element.child("list")
    if items is not None:
        return None if _is_nil(items) else [_value_within(item) for item in items.all("item")]
    components = {_name(child): _value_within(child) for child in element.all("component")}
    return components or None


def _is_nil(element: Element) -> bool:
    return element.get("nil", _XSI) in {"true", "1"}


def _plain_value(element: Element) -> Value:
    if _is_nil(element):
        return None
    kind = element.qualified(element.get("type", _XSI) or "xsd:string")[1].rpartition(":")[2]
    read = _READERS.get(kind)
    if read is None:
        raise DmnError(f"the type '{kind}' of a value is not known", element.line)
    return read(element.text)


def _number(text: str) -> Value:
    sign, digits = (-1, text.strip()[1:]) if text.strip().startswith("-") else (1, text.strip().lstrip("+"))
    number = number_of(digits)
    return None if number is None else sign * number


_READERS: Final[dict[str, Callable[[str], Value]]] = {
    "string": lambda text: text,
    "boolean": lambda text: text.strip() in {"true", "1"},
    "date": lambda text: iso.read_date(text.strip()),
    "time": lambda text: iso.read_time(text.strip()),
    "dateTime": lambda text: iso.read_date_time(text.strip()),
    "duration": lambda text: iso.read_duration(text.strip()),
    **dict.fromkeys(("decimal", "double", "float", "integer", "int", "long"), _number),
}
