"""Which names an element of the graph sees: those of its requirements, and nothing else.

What comes from an imported model stands in a context under the name of the import, or directly when the
import has no name. A function's scope is filled after all functions exist, so that functions may call each
other.
"""

from collections.abc import Iterator, Mapping

import msgspec

from taskloom.dmn.graph import Graph, Key, Link
from taskloom.feel import NameTable, Value


class Requirement(msgspec.Struct, frozen=True):
    """A value to be put into the scope: under which name, within which import ("" for none)."""

    key: Key
    name: str
    prefix: str


class ScopePlan(msgspec.Struct, frozen=True):
    """How to build the scope of an element from the functions it knows and the values computed before."""

    functions: Mapping[str, Value]
    values: tuple[Requirement, ...]
    has_prefix: bool

    def scope(self, around: Mapping[str, Value], values: Mapping[Key, Value]) -> dict[str, Value]:
        """The variables; what is required hides what is around."""
        scope = {**around, **self.functions}
        if not self.has_prefix:
            for item in self.values:
                scope[item.name] = values.get(item.key)
            return scope
        fresh: dict[str, dict[str, Value]] = {}
        for item in self.values:
            if item.prefix and item.prefix not in fresh:
                fresh[item.prefix] = scope[item.prefix] = dict(self.functions.get(item.prefix) or {})
            target = fresh[item.prefix] if item.prefix else scope
            target[item.name] = values.get(item.key)
        return scope


def plan_of(graph: Graph, links: tuple[Link, ...], functions: Mapping[str, Value]) -> ScopePlan:
    """The plan for the values behind these links."""
    values = tuple(
        Requirement(link.key, name, link.prefix) for link in links for name in graph.nodes[link.key].exposed
    )
    return ScopePlan(functions, values, any(item.prefix for item in values))


def fill_functions(
    graph: Graph, links: tuple[Link, ...], known: Mapping[Key, Value], scope: dict[str, Value]
) -> None:
    """Puts the required functions into a scope."""
    for link in links:
        target = scope if not link.prefix else scope.setdefault(link.prefix, {})
        for name in graph.nodes[link.key].exposed:
            target[name] = known.get(link.key)


def name_table(
    graph: Graph,
    links: tuple[Link, ...],
    shapes: Mapping[Key, NameTable | None],
    types: tuple[str, ...],
) -> NameTable:
    """The names that the requirements bring into scope, with what is known of their members."""
    direct: dict[str, NameTable | None] = {}
    nested: dict[str, dict[str, NameTable | None]] = {}
    for link, name in _names(graph, links):
        target = direct if not link.prefix else nested.setdefault(link.prefix, {})
        target[name] = shapes.get(link.key)
    return NameTable({**direct, **{prefix: NameTable(names) for prefix, names in nested.items()}}, types)


def _names(graph: Graph, links: tuple[Link, ...]) -> Iterator[tuple[Link, str]]:
    for link in links:
        for name in graph.nodes[link.key].exposed:
            yield link, name
