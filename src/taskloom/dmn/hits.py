"""Hit policies: from the outputs of the matching rules, in the order of the rules, to the table's value.

No matching rule: the default outputs if the table has them, else null; a plain COLLECT is then an empty list
and a COUNT zero. The ranks of PRIORITY and OUTPUT ORDER come from the order of the allowed output values, the
first output column first; a value that is not listed comes last.
"""

from collections.abc import Callable, Sequence
from typing import Final

from taskloom.dmn.model import Aggregation, DecisionTable, HitPolicy
from taskloom.dmn.trace import fault
from taskloom.feel import NO_SPAN, Dialect, Run, Value, compile_unary_tests, constant_of, equals
from taskloom.feel.library import built_ins
from taskloom.feel.nodes import Expr, UnaryTests

Row = Sequence[Value]
Choose = Callable[[Run, list[Row]], Value]
Rank = Callable[[Run, Row], tuple[int, ...]]
Cell = Callable[[Row], Value]

SINGLE_HITS: Final = frozenset({HitPolicy.UNIQUE, HitPolicy.ANY, HitPolicy.FIRST, HitPolicy.PRIORITY})


def chooser(table: DecisionTable, cell: Cell, rank: Rank, dialect: Dialect) -> Choose:
    """The function that applies the hit policy; `cell` makes a value of one rule's outputs."""
    line = table.line
    if table.hit_policy is HitPolicy.FIRST:
        return lambda _run, rows: cell(rows[0])
    if table.hit_policy is HitPolicy.UNIQUE:
        return lambda run, rows: cell(rows[0]) if len(rows) == 1 else _overlap(run, len(rows), line)
    if table.hit_policy is HitPolicy.ANY:
        return lambda run, rows: cell(rows[0]) if _agree(run, rows) else _contradiction(run, line)
    if table.hit_policy is HitPolicy.PRIORITY:
        return lambda run, rows: cell(min(rows, key=lambda row: rank(run, row)))
    if table.hit_policy is HitPolicy.OUTPUT_ORDER:
        return lambda run, rows: [cell(row) for row in sorted(rows, key=lambda row: rank(run, row))]
    if table.hit_policy is HitPolicy.COLLECT and table.aggregation is not None:
        return _aggregated(table, dialect)
    return lambda _run, rows: [cell(row) for row in rows]


def value_without_hit(table: DecisionTable) -> Value:
    """The value when no rule matches and the table has no default outputs."""
    if table.hit_policy is not HitPolicy.COLLECT:
        return None
    if table.aggregation is None:
        return []
    return 0 if table.aggregation is Aggregation.COUNT else None


def ranker(listed: Sequence[UnaryTests | None], dialect: Dialect) -> Rank:
    """Ranks by the allowed values of each output column, where the table or its type lists them."""
    columns = [(number, _column_rank(tests, dialect)) for number, tests in enumerate(listed) if tests]
    return lambda run, row: tuple(rank(run, row[number]) for number, rank in columns)


def _column_rank(tests: UnaryTests, dialect: Dialect) -> Callable[[Run, Value], int]:
    literals: dict[tuple[bool, Value], int] = {}
    others: list[tuple[int, Callable[[Run, Value], bool]]] = []
    for place, test in enumerate(tests.tests):
        found = constant_of(test)
        if found is not None and isinstance(found.value, str | int):
            literals.setdefault((type(found.value) is bool, found.value), place)
        else:
            others.append((place, _single_test(test, dialect)))
    last = len(tests.tests)

    def rank(run: Run, value: Value) -> int:
        if isinstance(value, str | int) and (type(value) is bool, value) in literals:
            return literals[type(value) is bool, value]
        return next((place for place, test in others if test(run, value)), last)

    return rank


def _single_test(test: Expr, dialect: Dialect) -> Callable[[Run, Value], bool]:
    compiled = compile_unary_tests(UnaryTests((test,)), dialect=dialect)
    return lambda run, value: compiled.matches(run, {}, value)


def _overlap(run: Run, count: int, line: int) -> None:
    fault(run, "hit_policy", f"{count} rules match, the hit policy UNIQUE allows one", line)


def _contradiction(run: Run, line: int) -> None:
    fault(run, "hit_policy", "the matching rules do not agree, as the hit policy ANY demands", line)


def _agree(run: Run, rows: list[Row]) -> bool:
    first = rows[0]
    return all(
        own is other or equals(run, own, other) is True
        for row in rows[1:]
        for own, other in zip(first, row, strict=True)
    )


def _aggregated(table: DecisionTable, dialect: Dialect) -> Choose:
    if table.aggregation is Aggregation.COUNT:
        return lambda _run, rows: len(rows)
    line = table.line
    name = "sum" if table.aggregation is None else table.aggregation.value.lower()
    function = built_ins(dialect)[name]

    def aggregate(run: Run, rows: list[Row]) -> Value:
        if len(rows[0]) > 1:
            return fault(run, "hit_policy", "several outputs cannot be aggregated", line)
        return function.call(run, NO_SPAN, [[row[0] for row in rows]])

    return aggregate
