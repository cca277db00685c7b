"""What all parts of DMN XML share: looking up children, names, texts, variables, literal expressions."""

from collections.abc import Iterator

from taskloom.core.xmltree import Element
from taskloom.dmn.model import DmnError, Literal, Variable


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


def parse_literal(names: Names, element: Element) -> Literal:
    """FEEL text, also where the file calls it unary tests."""
    text = names.child(element, "text")
    return Literal(
        id=element.get("id"),
        line=element.line if text is None else text.line,
        type_ref=element.get("typeRef"),
        label=element.get("label"),
        text="" if text is None else text_of(text),
        language=element.get("expressionLanguage"),
    )
