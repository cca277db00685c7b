"""Reading one XML element: what it holds as values, and every fault as a problem with its line."""

from collections.abc import Iterator

from taskloom.core.xmltree import Element as Node
from taskloom.flows.bpmn.expression import Expression, Unreadable, read_expression
from taskloom.flows.bpmn.limits import EXPRESSION_CHARS_MAX
from taskloom.flows.bpmn.problems import Problem, quoted

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"


class Reading:
    """One BPMN element being read; problems go to the list of its file."""

    def __init__(self, node: Node, problems: list[Problem]) -> None:
        self.node = node
        self._problems = problems

    @property
    def id(self) -> str:
        """The element's id; its XML name while it has none."""
        return self.node.get("id") or self.node.local

    def refuse(self, text: str, at: Node | None = None) -> None:
        """Note a fault at a line of the element."""
        self._problems.append(Problem(quoted(self.id), (at or self.node).line, text))

    def extensions(self) -> Iterator[Node]:
        """The engine's own children, from every `extensionElements`."""
        for holder in self.node.all("extensionElements", BPMN):
            yield from (child for child in holder.children if child.namespace == ZEEBE)

    def extension(self, local: str) -> Node | None:
        """The one extension of that name; a second one is a problem."""
        found = [child for child in self.extensions() if child.local == local]
        for extra in found[1:]:
            self.refuse(f"Must have at most one 'zeebe:{local}' extension element", extra)
        return found[0] if found else None

    def refuse_children(self, holder: Node, *, but: tuple[str, ...]) -> None:
        """Refuse what an extension holds and we would otherwise pass over."""
        for child in holder.children:
            if child.namespace == ZEEBE and child.local not in but:
                self.refuse(
                    f"'zeebe:{quoted(child.local)}' is not supported in 'zeebe:{holder.local}'", child
                )

    def attribute(self, at: Node, name: str, *, chars_max: int) -> str:
        """An attribute that must be present, not empty and not too long; "" when it is refused."""
        value = at.get(name) or ""
        if not value.strip():
            self.refuse(f"Attribute '{name}' of 'zeebe:{at.local}' must be present and not empty", at)
            return ""
        if len(value) > chars_max:
            self.refuse(f"Attribute '{name}' of 'zeebe:{at.local}' is longer than {chars_max} characters", at)
            return ""
        return value

    def expression(self, text: str, at: Node) -> Expression:
        """The text as static value or FEEL; what does not parse is a problem and reads as empty."""
        if len(text) > EXPRESSION_CHARS_MAX:
            self.refuse(f"An expression is longer than {EXPRESSION_CHARS_MAX} characters", at)
            return read_empty()
        expression = read_expression(text)
        if isinstance(expression, Unreadable):
            self.refuse(f"Failed to parse expression '{quoted(text)}': {expression.reason}", at)
            return read_empty()
        return expression


def read_empty() -> Expression:
    """The expression that stands in for one that was refused."""
    empty = read_expression("")
    assert not isinstance(empty, Unreadable)
    return empty
