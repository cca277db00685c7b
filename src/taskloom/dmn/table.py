"""Decision tables become code: look up the rules of each column, intersect them, evaluate what is left.

Input entries that are literals and intervals stand in an index (`index.py`); the other entries are evaluated
only for rules that all columns have let through. Output entries that are constants are computed when
compiling.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from taskloom.dmn.cells import cell_of
from taskloom.dmn.hits import Cell, Choose, Rank, Row, chooser, ranker, value_without_hit
from taskloom.dmn.index import ColumnIndex, rules_in
from taskloom.dmn.model import DecisionTable, HitPolicy, Literal, Rule, TableInput
from taskloom.dmn.place import Place, typed
from taskloom.dmn.texts import Code, Test
from taskloom.dmn.trace import DmnRun, InputRecord, OutputRecord, RuleRecord, TableRecord, fault
from taskloom.feel import ANY, MISMATCH, Dialect, FeelType, Run, Scope, Value, coerce
from taskloom.feel.nodes import Constant, UnaryTests
from taskloom.feel.nodes import Literal as LiteralNode

RULES_MAX: Final = 10_000


class Column(NamedTuple):
    """An input column: its value, what it allows, and how to find the rules."""

    source: TableInput
    value: Code
    allowed: Test | None
    lookup: ColumnIndex
    tests: tuple[Test, ...]
    open_rules: int

    def allows(self, run: Run, scope: Scope, value: Value) -> bool:
        """Whether the value is among the allowed ones of the column."""
        return self.allowed is None or self.allowed(run, scope, value) is True


class Outputs(NamedTuple):
    """The outputs of one rule: the values when all are constants, else the code of each."""

    constants: Row | None
    codes: tuple[Code, ...]


class CompiledTable:
    """A decision table, ready to run."""

    __slots__ = (
        "_all_rules",
        "_cell",
        "_choose",
        "_columns",
        "_default",
        "_first_only",
        "_open",
        "_outputs",
        "_source",
    )

    def __init__(self, table: DecisionTable, place: Place) -> None:
        self._source = table
        self._columns = [_column(table, number, place) for number in range(len(table.inputs))]
        kinds = [_declared(place, output.type_ref, output.line) for output in table.outputs]
        self._outputs = [_outputs(rule, kinds, place) for rule in table.rules]
        self._default = _default(table, kinds, place)
        self._cell = _cell(table)
        self._choose: Choose = chooser(table, self._cell, _rank(table, place), place.texts.dialect)
        self._first_only = table.hit_policy is HitPolicy.FIRST
        self._all_rules = (1 << len(table.rules)) - 1
        self._open: dict[int, list[tuple[int, Test]]] = {}
        for number, column in enumerate(self._columns):
            for rule in rules_in(column.open_rules):
                self._open.setdefault(rule, []).append((number, column.tests[rule]))

    def evaluate(self, run: Run, scope: Scope) -> Value:
        """The value of the table for the variables in scope."""
        values: list[Value] = []
        candidates = self._all_rules
        for column in self._columns:
            value = column.value(run, scope)
            if value is not None and not column.allows(run, scope, value):
                return self._refuse(run, values, column, value)
            values.append(value)
            if candidates:
                found = column.lookup.rules_for(value)
                if found is None:
                    candidates = self._tested(run, scope, candidates, column, value)
                else:
                    candidates &= found | column.open_rules
        run.spend(len(values) + 1)
        matched = list(self._matching(run, scope, candidates, values))
        rows = [self._row(run, scope, rule) for rule in matched]
        if type(run) is DmnRun and run.traces:
            self._record(run, values, matched, rows)
        return self._choose(run, rows) if rows else self._without_hit(run, scope)

    def _matching(self, run: Run, scope: Scope, candidates: int, values: list[Value]) -> Iterator[int]:
        """The candidates whose open cells pass too, in order; only the first when no other can count."""
        for rule in rules_in(candidates):
            tests = self._open.get(rule)
            if tests is not None:
                run.spend(len(tests))
                if not all(test(run, scope, values[number]) is True for number, test in tests):
                    continue
            yield rule
            if self._first_only:
                return

    def _tested(self, run: Run, scope: Scope, candidates: int, column: Column, value: Value) -> int:
        """The candidates whose cell in this column passes, each evaluated."""
        passed = 0
        for rule in rules_in(candidates):
            run.spend(1)
            if column.tests[rule](run, scope, value) is True:
                passed |= 1 << rule
        return passed

    def _row(self, run: Run, scope: Scope, rule: int) -> Row:
        outputs = self._outputs[rule]
        if outputs.constants is not None:
            return outputs.constants
        return [code(run, scope) for code in outputs.codes]

    def _without_hit(self, run: Run, scope: Scope) -> Value:
        if self._default is None:
            return value_without_hit(self._source)
        return self._cell([code(run, scope) for code in self._default])

    def _refuse(self, run: Run, values: list[Value], column: Column, value: Value) -> None:
        label = column.source.label or column.source.expression.text
        if type(run) is DmnRun and run.traces:
            self._record(run, [*values, value], [], [])
        message = f"the value of the input '{label[:80]}' is not among the allowed ones"
        fault(run, "input_values", message, column.source.line)

    def _record(self, run: DmnRun, values: list[Value], matched: list[int], rows: list[Row]) -> None:
        table = self._source
        run.record(
            TableRecord(
                table.id,
                table.hit_policy,
                table.aggregation,
                tuple(
                    InputRecord(column.source.id, column.source.label, value)
                    for column, value in zip(self._columns, values, strict=False)
                ),
                tuple(
                    RuleRecord(
                        table.rules[rule].id,
                        rule + 1,
                        tuple(
                            OutputRecord(output.id, output.label or output.name, value)
                            for output, value in zip(table.outputs, row, strict=True)
                        ),
                    )
                    for rule, row in zip(matched, rows, strict=True)
                ),
            )
        )


def compile_table(table: DecisionTable, place: Place) -> Code:
    """Code for the table; a table with too many rules is a problem and null."""
    if len(table.rules) > RULES_MAX:
        message = f"the table has more than {RULES_MAX} rules"
        place.complain(message, table.line)
        return lambda run, _scope: fault(run, "table", message, table.line)
    return CompiledTable(table, place).evaluate


def _declared(place: Place, reference: str | None, line: int) -> FeelType:
    """The type of a column; Camunda's engine does not check it."""
    return ANY if place.texts.dialect is Dialect.CAMUNDA else place.type_of(reference, line)


def _column(table: DecisionTable, number: int, place: Place) -> Column:
    source = table.inputs[number]
    expression = source.expression
    kind = _declared(place, expression.type_ref, expression.line)
    tests = [place.tests(rule.tests[number]) for rule in table.rules]
    cells = {rule: cell for rule, test in enumerate(tests) if (cell := cell_of(test.tree)) is not None}
    index = ColumnIndex(cells)
    allowed = None
    if source.values is not None and place.texts.dialect is Dialect.DMN:
        allowed = place.texts.tests(source.values, place.names, source.line, place.complain).code
    return Column(
        source=source,
        value=typed(place.text(expression).code, kind, expression.line),
        allowed=allowed,
        lookup=index,
        tests=tuple(test.code for test in tests),
        open_rules=((1 << len(tests)) - 1) & ~index.indexed,
    )


def _outputs(rule: Rule, kinds: list[FeelType], place: Place) -> Outputs:
    cells = [_output(cell, kind, place) for cell, kind in zip(rule.outputs, kinds, strict=True)]
    codes = tuple(code for code, _ in cells)
    constants = [constant for _, constant in cells]
    if all(constant is not None for constant in constants):
        return Outputs([constant[0] for constant in constants if constant is not None], codes)
    return Outputs(None, codes)


def _output(cell: Literal, kind: FeelType, place: Place) -> tuple[Code, tuple[Value] | None]:
    """The code of an output entry and, when it is a constant of the right type, its value; a dash is null."""
    if cell.text == "-":
        return (lambda _run, _scope: None), (None,)
    text = place.text(cell)
    code = typed(text.code, kind, cell.line)
    if not isinstance(text.tree, LiteralNode | Constant):
        return code, None
    value = coerce(text.tree.value, kind)
    if value is MISMATCH:
        place.complain("the output does not have the type of its column", cell.line)
        return code, None
    return code, (value,)


def _default(table: DecisionTable, kinds: list[FeelType], place: Place) -> tuple[Code, ...] | None:
    """The code of the default outputs; a column without one gives null. None when no column has one."""
    if all(output.default is None for output in table.outputs):
        return None
    return tuple(
        _output(output.default or Literal(text="null"), kind, place)[0]
        for output, kind in zip(table.outputs, kinds, strict=True)
    )


def _cell(table: DecisionTable) -> Cell:
    """What one rule gives: its only output, or a context of its outputs."""
    if len(table.outputs) == 1:
        return lambda row: row[0]
    names = tuple(
        output.name or output.label or f"output {number}"
        for number, output in enumerate(table.outputs, start=1)
    )
    return lambda row: dict(zip(names, row, strict=True))


def _rank(table: DecisionTable, place: Place) -> Rank:
    listed: list[UnaryTests | None] = []
    for output in table.outputs:
        text = output.values or place.types.allowed_values(place.model, output.type_ref)
        if text is None and len(table.outputs) > 1 and output.name is not None:
            text = place.types.allowed_values(place.model, table.type_ref, output.name)
        elif text is None:
            text = place.types.allowed_values(place.model, table.type_ref)
        tree = (
            None if text is None else place.texts.tests(text, place.names, output.line, place.complain).tree
        )
        listed.append(tree if isinstance(tree, UnaryTests) else None)
    return ranker(listed, place.texts.dialect)
