"""The requirement graph over a model and the models it imports.

References (`#id` in the same file, `namespace#id` in another) become keys of nodes; what cannot be followed
becomes a `Problem`, so that one broken corner does not hide the rest of a model. The standard wants the graph
free of cycles; `cycles` names the nodes that stand in one. A knowledge model that calls itself needs no
requirement for it and is no cycle.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

import msgspec

from taskloom.dmn.model import (
    Decision,
    DecisionService,
    Definitions,
    DmnError,
    InputData,
    KnowledgeModel,
    Node,
)

NODES_MAX = 20_000
MODELS_MAX = 100

Key = tuple[str, str]


class Severity(Enum):
    """Whether a model with this problem may be deployed."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with a model: where, and what."""

    message: str
    line: int = 0
    model: str = ""
    element: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.model or 'model'}, line {self.line}" if self.line else self.model or "model"
        return f"{self.severity.value}: {place}: {self.message}"


class Link(msgspec.Struct, frozen=True):
    """A requirement that was found: the node, and the name of the import it comes through ("" for none)."""

    key: Key
    prefix: str = ""


class Links(msgspec.Struct, frozen=True):
    """Everything a decision or knowledge model requires; for a service, what it hands in and out."""

    inputs: tuple[Link, ...] = ()
    decisions: tuple[Link, ...] = ()
    knowledge: tuple[Link, ...] = ()
    outputs: tuple[Link, ...] = ()
    encapsulated: tuple[Link, ...] = ()


class Graph:
    """The linked models. Nodes are found by key, or by name within the main model first."""

    def __init__(self, main: Definitions, library: Iterable[Definitions] = ()) -> None:
        self.main = main
        self.models = _reachable(main, library)
        self.problems: list[Problem] = []
        self.nodes: dict[Key, Node] = {}
        self.homes: dict[Key, Definitions] = {}
        for model in self.models.values():
            self._check_imports(model)
            self._add_nodes(model)
        self.links: dict[Key, Links] = {key: self._link(key, node) for key, node in self.nodes.items()}
        self.cyclic = frozenset(self._cycles())

    def by_name(self, name: str, kind: type[Node], namespace: str | None = None) -> Key | None:
        """The key of the node with that name, variable name or id; the main model is searched first."""
        models = [self.main, *(model for model in self.models.values() if model is not self.main)]
        for model in models:
            if namespace is not None and model.namespace != namespace:
                continue
            for key, node in self.nodes.items():
                named = name in {node.name, node.variable.name, node.id}
                if named and isinstance(node, kind) and self.homes[key] is model:
                    return key
        return None

    def order(self, wanted: Iterable[Key], given: frozenset[Key] = frozenset()) -> list[Key]:
        """The decisions to evaluate for the wanted ones, requirements first; the given ones are left out."""
        done: dict[Key, None] = {}
        pending = [(key, False) for key in reversed(list(wanted)) if key not in given]
        entered: set[Key] = set()
        while pending:
            key, is_ready = pending.pop()
            if is_ready:
                done[key] = None
                continue
            if key in entered:
                continue
            entered.add(key)
            pending.append((key, True))
            required = self.links[key].decisions
            pending.extend((link.key, False) for link in reversed(required) if link.key not in given)
        return list(done)

    def complain(self, key: Key, message: str, line: int = 0, severity: Severity = Severity.ERROR) -> None:
        """Notes a problem of a node."""
        node, home = self.nodes[key], self.homes[key]
        self.problems.append(Problem(message, line or node.line, home.name, node.name, severity))

    def complain_model(self, model: Definitions, message: str, line: int) -> None:
        """Notes a problem that belongs to no node."""
        self.problems.append(Problem(message, line, model.name))

    def _check_imports(self, model: Definitions) -> None:
        """An imported decision model must be there; other kinds of imports are passed over."""
        for item in model.imports:
            if item.namespace in self.models:
                continue
            is_model = not item.import_type or "/DMN/" in item.import_type
            severity = Severity.ERROR if is_model else Severity.WARNING
            message = f"the import '{item.namespace}' was not found"
            self.problems.append(Problem(message, item.line, model.name, "", severity))

    def _add_nodes(self, model: Definitions) -> None:
        nodes: tuple[Node, ...] = (*model.inputs, *model.decisions, *model.knowledge_models, *model.services)
        if len(self.nodes) + len(nodes) > NODES_MAX:
            raise DmnError(f"the models have more than {NODES_MAX} elements")
        names: set[str] = set()
        for node in nodes:
            key = (model.namespace, node.id or f"name:{node.name}")
            if key in self.nodes:
                self.problems.append(
                    Problem(f"the id '{key[1]}' is given twice", node.line, model.name, node.name)
                )
                continue
            if node.name in names:
                self.problems.append(
                    Problem(f"the name '{node.name}' is given twice", node.line, model.name, node.name)
                )
            names.add(node.name)
            self.nodes[key] = node
            self.homes[key] = model

    def _link(self, key: Key, node: Node) -> Links:
        if isinstance(node, Decision):
            return Links(
                inputs=self._follow(key, node.required_inputs, InputData),
                decisions=self._follow(key, node.required_decisions, Decision),
                knowledge=self._follow(key, node.required_knowledge, (KnowledgeModel, DecisionService)),
            )
        if isinstance(node, KnowledgeModel):
            required = self._follow(key, node.required_knowledge, (KnowledgeModel, DecisionService))
            return Links(knowledge=required)
        if isinstance(node, DecisionService):
            return Links(
                inputs=self._follow(key, node.input_data, InputData),
                decisions=self._follow(key, node.input_decisions, Decision),
                outputs=self._follow(key, node.output_decisions, Decision),
                encapsulated=self._follow(key, node.encapsulated_decisions, Decision),
            )
        return Links()

    def _follow(
        self, key: Key, references: tuple[str, ...], kind: type[Node] | tuple[type[Node], ...]
    ) -> tuple[Link, ...]:
        links: dict[Link, None] = {}
        for reference in references:
            link = self._find(self.homes[key], reference)
            if link is None or not isinstance(self.nodes[link.key], kind):
                self.complain(key, f"the reference '{reference}' leads to no such element")
                continue
            links[link] = None
        return tuple(links)

    def _find(self, home: Definitions, reference: str) -> Link | None:
        namespace, hash_sign, identifier = reference.rpartition("#")
        if not hash_sign:
            namespace, identifier = "", reference
        if namespace in {"", home.namespace}:
            key = (home.namespace, identifier)
            return Link(key) if key in self.nodes else None
        key = (namespace, identifier)
        prefix = next((item.name for item in home.imports if item.namespace == namespace), None)
        return Link(key, prefix) if prefix is not None and key in self.nodes else None

    def _cycles(self) -> Iterator[Key]:
        """The decisions in a circle; circles by way of functions are only noted, for a call may end one."""
        decisions = {
            key: tuple(link.key for link in links.decisions)
            for key, links in self.links.items()
            if isinstance(self.nodes[key], Decision)
        }
        found: set[Key] = set()
        for part in _circles(decisions):
            for key in part:
                self.complain(key, "the decision requires itself, directly or through others")
            found.update(part)
            yield from part
        for part in _circles({key: self._edges_of(key) for key in self.nodes}):
            if found.isdisjoint(part):
                self.complain(part[0], "the element calls itself by way of others", 0, Severity.WARNING)

    def _edges_of(self, key: Key) -> tuple[Key, ...]:
        links = self.links[key]
        if isinstance(self.nodes[key], DecisionService):
            given = {link.key for link in links.decisions}
            return tuple(link.key for link in links.outputs if link.key not in given)
        return tuple(link.key for link in (*links.decisions, *links.knowledge))


def _reachable(main: Definitions, library: Iterable[Definitions]) -> dict[str, Definitions]:
    """The main model and those it imports, directly or through others, by namespace."""
    offered: dict[str, Definitions] = {}
    for model in library:
        offered.setdefault(model.namespace, model)
    found = {main.namespace: main}
    pending = [main]
    while pending:
        for item in pending.pop().imports:
            imported = offered.get(item.namespace)
            if imported is None or item.namespace in found:
                continue
            found[item.namespace] = imported
            pending.append(imported)
            if len(found) > MODELS_MAX:
                raise DmnError(f"more than {MODELS_MAX} models are imported")
    return found


def _circles(edges: Mapping[Key, tuple[Key, ...]]) -> Iterator[list[Key]]:
    """The connected parts in which every node leads back to itself."""
    for part in _connected_parts(edges):
        if len(part) > 1 or part[0] in edges[part[0]]:
            yield part


def _connected_parts(edges: Mapping[Key, tuple[Key, ...]]) -> Iterator[list[Key]]:
    """Strongly connected parts by Tarjan's algorithm, with an explicit stack instead of recursion."""
    index: dict[Key, int] = {}
    low: dict[Key, int] = {}
    stack: list[Key] = []
    on_stack: set[Key] = set()
    for start in edges:
        if start in index:
            continue
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        work = [(start, iter(edges[start]))]
        while work:
            key, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[key])
                if low[key] == index[key]:
                    yield _pop_part(stack, on_stack, key)
            elif target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                on_stack.add(target)
                work.append((target, iter(edges[target])))
            elif target in on_stack:
                low[key] = min(low[key], index[target])


def _pop_part(stack: list[Key], on_stack: set[Key], root: Key) -> list[Key]:
    part: list[Key] = []
    while True:
        key = stack.pop()
        on_stack.discard(key)
        part.append(key)
        if key == root:
            return part
