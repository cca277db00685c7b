"""DMN XML becomes `Definitions`; whatever is missing or contradictory is a `DmnError` with its line.

Elements are looked up by local name within the namespace of the root, so that one parser reads DMN 1.2 to
1.5: later versions only added elements. Diagram interchange and vendor extensions are passed over.
"""

from collections.abc import Iterator
from typing import Any

from taskloom.core.xmltree import Element, XmlError, parse_xml
from taskloom.dmn.model import (
    Decision,
    DecisionService,
    Definitions,
    DmnError,
    FunctionItem,
    Import,
    InputData,
    ItemDefinition,
    KnowledgeModel,
    Variable,
)
from taskloom.dmn.parse_boxed import find_expression, parse_function
from taskloom.dmn.parse_elements import Names, normalised_name, parse_variable, required_name, text_of

_NAMESPACE_STARTS = ("http://www.omg.org/spec/DMN/", "https://www.omg.org/spec/DMN/")


def parse_dmn(document: bytes) -> Definitions:
    """The model that the file describes."""
    try:
        root = parse_xml(document)
    except XmlError as error:
        raise DmnError(error.message, error.line, error.column) from None
    if root.local != "definitions" or not root.namespace.startswith(_NAMESPACE_STARTS):
        raise DmnError("the file is no DMN model: its root is not <definitions> of DMN", root.line)
    names = Names(root.namespace)
    elements = tuple(names.children(root))
    return Definitions(
        id=root.get("id"),
        line=root.line,
        name=root.get("name") or "",
        namespace=root.get("namespace") or "",
        imports=tuple(_import(element) for element in elements if element.local == "import"),
        items=tuple(_item(names, element) for element in elements if element.local == "itemDefinition"),
        inputs=tuple(_input_data(names, element) for element in elements if element.local == "inputData"),
        decisions=tuple(_decision(names, element) for element in elements if element.local == "decision"),
        knowledge_models=tuple(
            _knowledge_model(names, element)
            for element in elements
            if element.local == "businessKnowledgeModel"
        ),
        services=tuple(
            _service(names, element) for element in elements if element.local == "decisionService"
        ),
    )


def _import(element: Element) -> Import:
    namespace = element.get("namespace")
    if not namespace:
        raise DmnError("an import has no namespace", element.line)
    return Import(
        id=element.get("id"),
        line=element.line,
        name=normalised_name(element.get("name") or ""),
        namespace=namespace,
        import_type=element.get("importType") or "",
        location=element.get("locationURI"),
    )


def _item(names: Names, element: Element) -> ItemDefinition:
    function = names.child(element, "functionItem")
    type_ref = names.child(element, "typeRef")
    return ItemDefinition(
        id=element.get("id"),
        line=element.line,
        name=required_name(element),
        type_ref=element.get("typeRef") if type_ref is None else text_of(type_ref),
        is_collection=element.get("isCollection") in {"true", "1"},
        allowed_values=names.grandchild_text(element, "allowedValues", "text"),
        type_constraint=names.grandchild_text(element, "typeConstraint", "text"),
        components=tuple(_item(names, child) for child in names.all(element, "itemComponent")),
        function=None if function is None else _function_item(names, function),
    )


def _function_item(names: Names, element: Element) -> FunctionItem:
    return FunctionItem(
        id=element.get("id"),
        line=element.line,
        parameters=tuple(parse_variable(child) for child in names.all(element, "parameters")),
        output_type_ref=element.get("outputTypeRef"),
    )


def _node(names: Names, element: Element) -> dict[str, Any]:
    """What every element of the graph has."""
    name = required_name(element)
    found = names.child(element, "variable")
    variable = Variable(name=name, line=element.line)
    exposed = tuple(dict.fromkeys((name, element.get("id") or name)))
    if found is not None:
        own_name = normalised_name(found.get("name") or "") or name
        variable = Variable(name=own_name, type_ref=found.get("typeRef"), line=found.line)
        exposed = (own_name,)
    return {
        "id": element.get("id"),
        "line": element.line,
        "name": name,
        "variable": variable,
        "exposed": exposed,
    }


def _input_data(names: Names, element: Element) -> InputData:
    return InputData(
        **_node(names, element),
    )


def _decision(names: Names, element: Element) -> Decision:
    return Decision(
        **_node(names, element),
        required_inputs=tuple(_required(names, element, "informationRequirement", "requiredInput")),
        required_decisions=tuple(_required(names, element, "informationRequirement", "requiredDecision")),
        required_knowledge=tuple(_required(names, element, "knowledgeRequirement", "requiredKnowledge")),
        expression=find_expression(names, element),
    )


def _knowledge_model(names: Names, element: Element) -> KnowledgeModel:
    logic = names.child(element, "encapsulatedLogic")
    return KnowledgeModel(
        **_node(names, element),
        required_knowledge=tuple(_required(names, element, "knowledgeRequirement", "requiredKnowledge")),
        logic=None if logic is None else parse_function(names, logic),
    )


def _service(names: Names, element: Element) -> DecisionService:
    return DecisionService(
        **_node(names, element),
        output_decisions=tuple(_references(names, element, "outputDecision")),
        encapsulated_decisions=tuple(_references(names, element, "encapsulatedDecision")),
        input_decisions=tuple(_references(names, element, "inputDecision")),
        input_data=tuple(_references(names, element, "inputData")),
    )


def _required(names: Names, element: Element, requirement: str, kind: str) -> Iterator[str]:
    for child in names.all(element, requirement):
        yield from _references(names, child, kind)


def _references(names: Names, element: Element, kind: str) -> Iterator[str]:
    for child in names.all(element, kind):
        href = child.get("href")
        if not href:
            raise DmnError(f"<{kind}> has no href", child.line)
        yield href.strip()
