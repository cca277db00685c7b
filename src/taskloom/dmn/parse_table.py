"""Decision tables of DMN XML become records of `model.py`."""

from taskloom.core.xmltree import Element
from taskloom.dmn.model import Aggregation, DecisionTable, DmnError, HitPolicy, Rule, TableInput, TableOutput
from taskloom.dmn.parse_elements import Names, normalised_name, parse_literal


def parse_table(names: Names, element: Element) -> DecisionTable:
    """A decision table, with one cell for each column in every rule."""
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
        expression=parse_literal(names, expression),
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
        default=None if default is None else parse_literal(names, default),
    )


def _rule(names: Names, element: Element) -> Rule:
    return Rule(
        id=element.get("id"),
        line=element.line,
        tests=tuple(parse_literal(names, child) for child in names.all(element, "inputEntry")),
        outputs=tuple(parse_literal(names, child) for child in names.all(element, "outputEntry")),
        annotations=tuple(
            text
            for child in names.all(element, "annotationEntry")
            if (text := child.child_text("text", names.namespace)) is not None
        ),
    )
