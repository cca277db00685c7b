"""Where a name leads, found when compiling: to a slot, to the item of a filter, or to the scope."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from taskloom.feel.nodes import (
    Between,
    Binary,
    Constant,
    Expr,
    In,
    InstanceOf,
    Literal,
    Name,
    Quantified,
    children,
)
from taskloom.feel.values import NUMBERS

_Level = dict[str, int] | int
_TRUTH_OPERATORS: Final = frozenset(("=", "!=", "<", "<=", ">", ">=", "and", "or"))


class Binding(NamedTuple):
    """A name's meaning: first the items of filters that have such a member, then slot or scope."""

    items: tuple[int, ...]
    slot: int | None


FREE: Final = Binding((), None)
"""A name that leads out to the scope."""


class Bindings:
    """The local names around the node being compiled: names with slots, and items of filters."""

    __slots__ = ("_levels", "size")

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self.size = 0

    def new_slot(self) -> int:
        """A place in the frame that nothing else uses."""
        self.size += 1
        return self.size - 1

    def open_level(self) -> dict[str, int]:
        """A new innermost level, to be filled by the caller and closed by `close_level`."""
        level: dict[str, int] = {}
        self._levels.append(level)
        return level

    def close_level(self) -> None:
        """Forgets the innermost level."""
        self._levels.pop()

    @contextmanager
    def names(self, names: Iterable[str]) -> Iterator[tuple[int, ...]]:
        """Local names within the block; yields their slots."""
        level = {name: self.new_slot() for name in names}
        self._levels.append(level)
        yield tuple(level.values())
        self._levels.pop()

    @contextmanager
    def item(self) -> Iterator[int]:
        """The item of a filter within the block; yields its slot."""
        slot = self.new_slot()
        self._levels.append(slot)
        yield slot
        self._levels.pop()

    def find(self, name: str) -> Binding:
        """Innermost first; `item` is a name of the innermost filter, unless the item has such a member."""
        items: list[int] = []
        for level in reversed(self._levels):
            if isinstance(level, int):
                items.append(level)
                if name == "item":
                    return Binding(tuple(items), level)
            elif name in level:
                return Binding(tuple(items), level[name])
        return Binding(tuple(items), None)


def is_position(node: Expr) -> bool:
    """Whether a filter's condition is a number that is known when compiling."""
    return isinstance(node, Literal | Constant) and type(node.value) in NUMBERS


def is_truth(node: Expr) -> bool:
    """Whether a node can only give true, false or null."""
    if isinstance(node, Binary):
        return node.operator in _TRUTH_OPERATORS
    return isinstance(node, Between | In | InstanceOf | Quantified)


def mentions(node: Expr, name: str) -> bool:
    """Whether a name occurs anywhere in a tree."""
    level: list[Expr] = [node]
    while level:
        if any(isinstance(found, Name) and found.name == name for found in level):
            return True
        level = [child for parent in level for child in children(parent)]
    return False


def cost_of(node: Expr) -> int:
    """How many steps one evaluation of a tree counts: its nodes, up to a hundred."""
    count = 0
    level: list[Expr] = [node]
    while level and count < 100:
        count += len(level)
        level = [child for parent in level for child in children(parent)]
    return min(count, 100)
