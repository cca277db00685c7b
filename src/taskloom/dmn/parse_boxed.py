"""Boxed expressions of DMN XML become records of `model.py`."""

from collections.abc import Callable, Iterator

from taskloom.core.xmltree import Element
from taskloom.dmn.model import (
    Binding,
    Conditional,
    Context,
    ContextEntry,
    DmnError,
    Expression,
    Filter,
    For,
    FunctionDefinition,
    Invocation,
    ListOf,
    Quantified,
    Relation,
)
from taskloom.dmn.parse_elements import Names, normalised_name, parse_literal, parse_variable
from taskloom.dmn.parse_table import parse_table


def find_expression(names: Names, element: Element) -> Expression | None:
    """The first child that is a boxed expression."""
    return next(expressions(names, element), None)


def expressions(names: Names, element: Element) -> Iterator[Expression]:
    """Every child that is a boxed expression, in order."""
    for child in names.children(element):
        parser = _PARSERS.get(child.local)
        if parser is not None:
            yield parser(names, child)


def _expression(names: Names, element: Element, where: str) -> Expression:
    """The boxed expression below the element; its absence is an error."""
    found = find_expression(names, element)
    if found is None:
        raise DmnError(f"<{where}> holds no expression", element.line)
    return found


def parse_function(names: Names, element: Element) -> FunctionDefinition:
    """A function definition, also the encapsulated logic of a knowledge model."""
    return FunctionDefinition(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        kind=element.get("kind") or "FEEL",
        parameters=tuple(parse_variable(child) for child in names.all(element, "formalParameter")),
        body=find_expression(names, element),
    )


def _context(names: Names, element: Element) -> Context:
    entries: list[ContextEntry] = []
    result: Expression | None = None
    for child in names.all(element, "contextEntry"):
        variable = names.child(child, "variable")
        value = _expression(names, child, "contextEntry")
        if variable is None:
            result = value
            continue
        entries.append(ContextEntry(line=child.line, variable=parse_variable(variable), value=value))
    return Context(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        entries=tuple(entries),
        result=result,
    )


def _list(names: Names, element: Element) -> ListOf:
    return ListOf(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        items=tuple(expressions(names, element)),
    )


def _relation(names: Names, element: Element) -> Relation:
    columns = tuple(parse_variable(child) for child in names.all(element, "column"))
    rows = []
    for row in names.all(element, "row"):
        cells = tuple(expressions(names, row))
        if len(cells) != len(columns):
            raise DmnError(f"a row has {len(cells)} cells for {len(columns)} columns", row.line)
        rows.append(cells)
    return Relation(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        columns=columns,
        rows=tuple(rows),
    )


def _invocation(names: Names, element: Element) -> Invocation:
    bindings = []
    for child in names.all(element, "binding"):
        parameter = names.child(child, "parameter")
        if parameter is None:
            raise DmnError("a binding has no parameter", child.line)
        bindings.append(
            Binding(line=child.line, parameter=parse_variable(parameter), value=find_expression(names, child))
        )
    return Invocation(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        callee=_expression(names, element, "invocation"),
        bindings=tuple(bindings),
    )


def _part(names: Names, element: Element, local: str) -> Expression:
    """The expression inside a named part, as in <if>, <then>, <in>, <match>."""
    found = names.child(element, local)
    if found is None:
        raise DmnError(f"<{element.local}> has no <{local}>", element.line)
    return _expression(names, found, local)


def _conditional(names: Names, element: Element) -> Conditional:
    return Conditional(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        condition=_part(names, element, "if"),
        then=_part(names, element, "then"),
        otherwise=_part(names, element, "else"),
    )


def _filter(names: Names, element: Element) -> Filter:
    return Filter(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        source=_part(names, element, "in"),
        match=_part(names, element, "match"),
    )


def _iterator_variable(element: Element) -> str:
    name = normalised_name(element.get("iteratorVariable") or "")
    if not name:
        raise DmnError(f"<{element.local}> has no iteratorVariable", element.line)
    return name


def _for(names: Names, element: Element) -> For:
    source = names.child(element, "in")
    return For(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        variable=_iterator_variable(element),
        source=_part(names, element, "in"),
        result=_part(names, element, "return"),
        variable_type=None if source is None else source.get("typeRef"),
    )


def _quantified(names: Names, element: Element) -> Quantified:
    source = names.child(element, "in")
    return Quantified(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        every=element.local == "every",
        variable=_iterator_variable(element),
        source=_part(names, element, "in"),
        satisfies=_part(names, element, "satisfies"),
        variable_type=None if source is None else source.get("typeRef"),
    )


_PARSERS: dict[str, Callable[[Names, Element], Expression]] = {
    "literalExpression": parse_literal,
    "context": _context,
    "list": _list,
    "relation": _relation,
    "functionDefinition": parse_function,
    "invocation": _invocation,
    "conditional": _conditional,
    "filter": _filter,
    "for": _for,
    "some": _quantified,
    "every": _quantified,
    "decisionTable": parse_table,
}
