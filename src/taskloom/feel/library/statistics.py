"""Functions that make one value of a list: count, least and greatest, sums and means, all and any.

Each but `count` takes one list or the items as arguments.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from taskloom.feel import ordering
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.decimals import CONTEXT, Number, bounded, compact, settled
from taskloom.feel.dialect import Dialect
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.values import NUMBERS, Value

Aggregate = Callable[[Run, list[Value]], Any]


def aggregate(name: str, dialects: tuple[Dialect, ...] = tuple(Dialect)) -> Callable[[Aggregate], Aggregate]:
    """Declares a function that takes one list or its items as arguments."""

    def declare(body: Aggregate) -> Aggregate:
        built_in(name, "list: list", dialects=dialects)(body)

        @built_in(name, "item...: any", dialects=dialects)
        def spread(run: Run, *items: Value) -> Value:
            return body(run, list(items)) if len(items) != 1 else Refusal(_unfit(items[0], "list"))

        return body

    return declare


def _unfit(value: Value, expected: str) -> str:
    return f"expected {expected} but found '{describe(value)}'"


def _numbers(run: Run, items: Sequence[Value]) -> Refusal | None:
    run.spend(len(items))
    for item in items:
        if type(item) not in NUMBERS:
            return Refusal(_unfit(item, "number"))
    return None


def total(items: Sequence[Value]) -> Number:
    """The sum of numbers, exact for integers."""
    if all(type(item) is int for item in items):
        return bounded(sum(items))
    result: Number = 0
    for item in items:
        result = CONTEXT.add(result, item)
    return result


def _finite(value: Any) -> Number | Refusal:
    result = value if type(value) is int else settled(value)
    return Refusal("the result is no finite number") if result is None else compact(result)


@built_in("count", "list: list")
def count(_: Run, items: list[Value]) -> int:
    """How many items; an empty list has 0."""
    return len(items)


def _extreme(run: Run, items: list[Value], wanted: int) -> Value:
    run.spend(len(items))
    if not items:
        return None
    best = items[0]
    for item in items:
        order = ordering.compare(item, best)
        if order is None:
            return Refusal(f"'{describe(item)}' and '{describe(best)}' cannot be compared")
        if order == wanted:
            best = item
    return best


@aggregate("min")
def least(run: Run, items: list[Value]) -> Value:
    """The first least item; null for an empty list."""
    return _extreme(run, items, -1)


@aggregate("max")
def greatest(run: Run, items: list[Value]) -> Value:
    """The first greatest item; null for an empty list."""
    return _extreme(run, items, 1)


@aggregate("sum")
def sum_of(run: Run, items: list[Value]) -> Value:
    """Null for an empty list."""
    return _numbers(run, items) or (_finite(total(items)) if items else None)


@aggregate("product")
def product(run: Run, items: list[Value]) -> Value:
    """Null for an empty list."""
    refusal = _numbers(run, items)
    if refusal is not None or not items:
        return refusal
    result: Any = 1
    for item in items:
        exact = type(result) is int and type(item) is int
        result = bounded(result * item) if exact else CONTEXT.multiply(result, item)
    return _finite(result)


@aggregate("mean")
def mean(run: Run, items: list[Value]) -> Value:
    """The arithmetic mean; null for an empty list."""
    refusal = _numbers(run, items)
    if refusal is not None or not items:
        return refusal
    return _finite(CONTEXT.divide(total(items), len(items)))


@aggregate("median")
def median(run: Run, items: list[Value]) -> Value:
    """The item in the middle, or the mean of the two there; null for an empty list."""
    refusal = _numbers(run, items)
    if refusal is not None or not items:
        return refusal
    ordered, middle = sorted(items), len(items) // 2
    if len(items) % 2:
        return ordered[middle]
    return _finite(CONTEXT.divide(total(ordered[middle - 1 : middle + 1]), 2))


@aggregate("stddev")
def standard_deviation(run: Run, items: list[Value]) -> Value:
    """Of the sample; null for fewer than two items."""
    refusal = _numbers(run, items)
    if refusal is not None:
        return refusal
    if len(items) < 2:
        return Refusal("it needs two numbers or more")
    average = CONTEXT.divide(total(items), len(items))
    distances = [CONTEXT.subtract(item, average) for item in items]
    squares = total([CONTEXT.multiply(distance, distance) for distance in distances])
    return _finite(CONTEXT.sqrt(CONTEXT.divide(squares, len(items) - 1)))


@aggregate("mode")
def mode(run: Run, items: list[Value]) -> Value:
    """All most frequent numbers, ascending; an empty list has none."""
    refusal = _numbers(run, items)
    if refusal is not None:
        return refusal
    frequencies = Counter(items)
    most = max(frequencies.values(), default=0)
    return sorted(item for item, frequency in frequencies.items() if frequency == most)


def _decided(run: Run, items: list[Value], decisive: bool) -> Value:
    run.spend(len(items))
    if any(item is decisive for item in items):
        return decisive
    unfit = [item for item in items if type(item) is not bool]
    return Refusal(_unfit(unfit[0], "boolean")) if unfit else not decisive


@aggregate("all")
@aggregate("and", (Dialect.CAMUNDA,))
def all_of(run: Run, items: list[Value]) -> Value:
    """False if any item is false, true if all are true, else null."""
    return _decided(run, items, decisive=False)


@aggregate("any")
@aggregate("or", (Dialect.CAMUNDA,))
def any_of(run: Run, items: list[Value]) -> Value:
    """True if any item is true, false if all are false, else null."""
    return _decided(run, items, decisive=True)
