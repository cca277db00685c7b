"""Functions of lists: looking for items, cutting, joining, sorting."""

from collections.abc import Callable, Iterable
from typing import Any

from taskloom.feel import invocation, ordering
from taskloom.feel.access import whole_number
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.decimals import Number
from taskloom.feel.diagnostics import NO_SPAN
from taskloom.feel.dialect import Dialect
from taskloom.feel.equality import equals
from taskloom.feel.run import Run
from taskloom.feel.values import Function, Value

Outcome = list[Value] | Refusal


def _found(run: Run, items: list[Value], value: Value) -> bool:
    run.spend(len(items))
    return any(equals(run, item, value) is True for item in items)


def _index(items: list[Value], position: Number) -> int | None:
    """The index from 0 of a position, 1 first and -1 last; None when the list has none there."""
    whole = whole_number(position)
    if whole is None or whole == 0 or abs(whole) > len(items):
        return None
    return whole - 1 if whole > 0 else len(items) + whole


def _no_position(items: list[Value]) -> Refusal:
    return Refusal(f"the list of {len(items)} items has no such position")


@built_in("list contains", "list: list, element: any")
def list_contains(run: Run, items: list[Value], element: Value) -> bool:
    """Whether an item equals the element; null is found too."""
    return _found(run, items, element)


@built_in("sublist", "list: list, start position: number, length?: number", dialects=(Dialect.DMN,))
def sublist(run: Run, items: list[Value], start: Number, length: Number | None = None) -> Outcome:
    """The items from a position on, all or as many as told; there must be that many."""
    index = _index(items, start)
    if index is None:
        return _no_position(items)
    count = len(items) - index if length is None else int(length)
    if not 0 <= count <= len(items) - index:
        return Refusal("the list has not that many items")
    run.spend(count)
    return items[index : index + count]


@built_in("append", "list: list, item...: any")
def append(run: Run, items: list[Value], *more: Value) -> Outcome:
    """The list with the items at its end."""
    run.check_items(len(items) + len(more))
    run.spend(len(items))
    return [*items, *more]


@built_in("concatenate", "list...: list")
def concatenate(run: Run, *lists: list[Value]) -> Outcome:
    """The items of all lists, in order."""
    count = sum(len(items) for items in lists)
    run.check_items(count)
    run.spend(count)
    return [item for items in lists for item in items]


@built_in("insert before", "list: list, position: number, newItem: any", dialects=(Dialect.DMN,))
def insert_before(run: Run, items: list[Value], position: Number, item: Value) -> Outcome:
    """The list with an item put before the one at a position."""
    index = _index(items, position)
    if index is None:
        return _no_position(items)
    run.check_items(len(items) + 1)
    run.spend(len(items))
    return [*items[:index], item, *items[index:]]


@built_in("remove", "list: list, position: number", dialects=(Dialect.DMN,))
def remove(run: Run, items: list[Value], position: Number) -> Outcome:
    """The list without the item at a position."""
    index = _index(items, position)
    run.spend(len(items))
    return _no_position(items) if index is None else items[:index] + items[index + 1 :]


@built_in("reverse", "list: list")
def reverse(run: Run, items: list[Value]) -> Outcome:
    """The last item first."""
    run.spend(len(items))
    return items[::-1]


@built_in("index of", "list: list, match: any")
def index_of(run: Run, items: list[Value], match: Value) -> Outcome:
    """All positions, from 1, of items that equal the match."""
    run.spend(len(items))
    return [index + 1 for index, item in enumerate(items) if equals(run, item, match) is True]


def distinct(run: Run, items: Iterable[Value]) -> list[Value]:
    """Each value once, in the order of first appearance."""
    seen: set[str] = set()
    kept: list[Value] = []
    others: list[Value] = []
    for item in items:
        run.spend(1)
        if type(item) is str:
            if item in seen:
                continue
            seen.add(item)
        elif _found(run, others, item):
            continue
        else:
            others.append(item)
        kept.append(item)
    return kept


@built_in("union", "list...: list")
def union(run: Run, *lists: list[Value]) -> Outcome:
    """The items of all lists, each once."""
    return distinct(run, concatenate(run, *lists))


@built_in("distinct values", "list: list")
def distinct_values(run: Run, items: list[Value]) -> Outcome:
    """Each value once."""
    return distinct(run, items)


@built_in("flatten", "list: list")
def flatten(run: Run, items: list[Value]) -> Outcome:
    """The items of all lists within the list, at any depth."""
    flat: list[Value] = []
    pending: list[Any] = [iter(items)]
    while pending:
        for item in pending[-1]:
            run.spend(1)
            if type(item) is list:
                pending.append(iter(item))
                break
            flat.append(item)
        else:
            pending.pop()
    run.check_items(len(flat))
    return flat


class _Ordered:
    """An item for Python's stable sort, which asks only whether one item precedes another."""

    __slots__ = ("item", "precedes")

    def __init__(self, item: Value, precedes: "Precedes") -> None:
        self.item = item
        self.precedes = precedes

    def __lt__(self, other: "_Ordered") -> bool:
        return self.precedes(self.item, other.item)


Precedes = Callable[[Value, Value], bool]


class _Undecided(Exception):  # noqa: N818 - it ends a sort and never leaves this module
    """Two items that the order says nothing about."""


@built_in("sort", "list: list, precedes?: function")
def sort(run: Run, items: list[Value], precedes: Function | None = None) -> Outcome:
    """Ordered by a function that says whether its first argument comes first, else ascending; stable."""

    def natural(left: Value, right: Value) -> bool:
        run.spend(1)
        order = ordering.compare(left, right)
        if order is None:
            raise _Undecided
        return order < 0

    def told(left: Value, right: Value) -> bool:
        run.spend(1)
        answer = invocation.call(run, NO_SPAN, precedes, (left, right))
        if type(answer) is not bool:
            raise _Undecided
        return answer

    order = natural if precedes is None else told
    try:
        return [key.item for key in sorted(_Ordered(item, order) for item in items)]
    except _Undecided:
        return Refusal("two items cannot be ordered")


@built_in("list replace", "list: list, position: number, newItem: any")
def replace_at(run: Run, items: list[Value], position: Number, item: Value) -> Outcome:
    """The list with another item at a position."""
    index = _index(items, position)
    if index is None:
        return _no_position(items)
    run.spend(len(items))
    return [*items[:index], item, *items[index + 1 :]]


@built_in("list replace", "list: list, match: function, newItem: any")
def replace_matching(run: Run, items: list[Value], match: Function, new_item: Value) -> Outcome:
    """The list with another item wherever the function of item and new item says true."""
    run.spend(len(items))
    replaced: list[Value] = []
    for item in items:
        answer = invocation.call(run, NO_SPAN, match, (item, new_item))
        if type(answer) is not bool:
            return Refusal("the match must answer true or false")
        replaced.append(new_item if answer else item)
    return replaced
