"""Boxed expressions of DMN XML become records of `model.py`."""

from collections.abc import Callable, Iterator

from taskloom.core.xmltree import Element
from taskloom.dmn.model import (
    Aggregation,
    Binding,
    Conditional,
    Context,
    ContextEntry,
    DecisionTable,
    DmnError,
    Expression,
    Filter,
    For,
    FunctionDefinition,
    HitPolicy,
    Invocation,
    ListOf,
    Literal,
    Quantified,
    Relation,
    Rule,
    TableInput,
    TableOutput,
    Variable,
)


class Names:
    """Looks up children that belong to DMN itself and passes over extensions."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def children(self, element: Element) -> Iterator[Element]:
        """All children in the model's namespace."""
        return (child for child in element.children if child.namespace == self.namespace)

    def child(self, element: Element, local: str) -> Element | None:
        """The first child of that name."""
        return element.child(local, self.namespace)

    def all(self, element: Element, local: str) -> Iterator[Element]:
        """Every child of that name."""
        return element.all(local, self.namespace)

    def grandchild_text(self, element: Element, child: str, grandchild: str) -> str | None:
        """The text two levels down; None when it is absent or blank."""
        found = self.child(element, child)
        inner = None if found is None else self.child(found, grandchild)
        return (text_of(inner) or None) if inner is not None else None

    def expression(self, element: Element, where: str) -> Expression:
        """The boxed expression below the element; its absence is an error."""
        found = find_expression(self, element)
        if found is None:
            raise DmnError(f"<{where}> holds no expression", element.line)
        return found


def text_of(element: Element) -> str:
    """The text without the blanks around it."""
    return element.text.strip()


def normalised_name(name: str) -> str:
    """A FEEL name: blanks at the ends dropped, runs of blanks and line ends made one."""
    return " ".join(name.split())


def required_name(element: Element) -> str:
    """The name of the element, in the normal form of FEEL."""
    name = normalised_name(element.get("name") or "")
    if not name:
        raise DmnError(f"<{element.local}> has no name", element.line)
    return name


def parse_variable(element: Element) -> Variable:
    """A parameter, column or entry: name and type."""
    return Variable(
        id=element.get("id"), line=element.line, name=required_name(element), type_ref=element.get("typeRef")
    )


def find_expression(names: Names, element: Element) -> Expression | None:
    """The first child that is a boxed expression."""
    return next(expressions(names, element), None)


def expressions(names: Names, element: Element) -> Iterator[Expression]:
    """Every child that is a boxed expression, in order."""
    for child in names.children(element):
        parser = _PARSERS.get(child.local)
        if parser is not None:
            yield parser(names, child)


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


def _literal(names: Names, element: Element) -> Literal:
    text = names.child(element, "text")
    return Literal(
        id=element.get("id"),
        line=element.line if text is None else text.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        text="" if text is None else text_of(text),
        language=element.get("expressionLanguage"),
    )


def _context(names: Names, element: Element) -> Context:
    entries: list[ContextEntry] = []
    result: Expression | None = None
    for child in names.all(element, "contextEntry"):
        variable = names.child(child, "variable")
        value = names.expression(child, "contextEntry")
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
        callee=names.expression(element, "invocation"),
        bindings=tuple(bindings),
    )


def _part(names: Names, element: Element, local: str) -> Expression:
    """The expression inside a named part, as in <if>, <then>, <in>, <match>."""
    found = names.child(element, local)
    if found is None:
        raise DmnError(f"<{element.local}> has no <{local}>", element.line)
    return names.expression(found, local)


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


def _table(names: Names, element: Element) -> DecisionTable:
    inputs = tuple(_table_input(names, child) for child in names.all(element, "input"))
    outputs = tuple(_table_output(names, child) for child in names.all(element, "output"))
    rules = tuple(_rule(names, child) for child in names.all(element, "rule"))
    for rule in rules:
        if len(rule.tests) != len(inputs) or len(rule.outputs) != len(outputs):
            raise DmnError("a rule does not have one cell for each column", rule.line)
    if not outputs:
        raise DmnError("a decision table has no output", element.line)
    return DecisionTable(
        id=element.get("id"),
        line=element.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        hit_policy=_hit_policy(element),
        aggregation=_aggregation(element),
        inputs=inputs,
        outputs=outputs,
        rules=rules,
        output_label=element.get("outputLabel"),
    )


def _hit_policy(element: Element) -> HitPolicy:
    written = element.get("hitPolicy") or "UNIQUE"
    try:
        return HitPolicy(written)
    except ValueError:
        raise DmnError(f"the hit policy '{written}' does not exist", element.line) from None


def _aggregation(element: Element) -> Aggregation | None:
    written = element.get("aggregation")
    if not written:
        return None
    try:
        return Aggregation(written)
    except ValueError:
        raise DmnError(f"the aggregation '{written}' does not exist", element.line) from None


def _table_input(names: Names, element: Element) -> TableInput:
    expression = names.child(element, "inputExpression")
    if expression is None:
        raise DmnError("an input column has no expression", element.line)
    return TableInput(
        id=element.get("id"),
        line=element.line,
        label=element.get("label"),
        expression=_literal(names, expression),
        values=names.grandchild_text(element, "inputValues", "text"),
    )


def _table_output(names: Names, element: Element) -> TableOutput:
    default = names.child(element, "defaultOutputEntry")
    name = normalised_name(element.get("name") or "")
    return TableOutput(
        id=element.get("id"),
        line=element.line,
        name=name or None,
        label=element.get("label"),
        type_ref=element.get("typeRef"),
        values=names.grandchild_text(element, "outputValues", "text"),
        default=None if default is None else _literal(names, default),
    )


def _rule(names: Names, element: Element) -> Rule:
    return Rule(
        id=element.get("id"),
        line=element.line,
        tests=tuple(_literal(names, child) for child in names.all(element, "inputEntry")),
        outputs=tuple(_literal(names, child) for child in names.all(element, "outputEntry")),
        annotations=tuple(
            text
            for child in names.all(element, "annotationEntry")
            if (text := child.child_text("text", names.namespace)) is not None
        ),
    )


_PARSERS: dict[str, Callable[[Names, Element], Expression]] = {
    "literalExpression": _literal,
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
    "decisionTable": _table,
}
