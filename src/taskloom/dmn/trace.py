"""What an evaluation leaves behind for audit, and the run that collects it."""

from typing import Final

import msgspec

from taskloom.dmn.model import Aggregation, HitPolicy
from taskloom.feel import DEFAULT_ENVIRONMENT, Environment, Failure, FeelWarning, Run, Value

RECORDS_MAX: Final = 1_000
"""How many decisions and tables one evaluation records; inside a function they may run very often."""

FAULTS_MAX: Final = 100


class Fault(msgspec.Struct, frozen=True):
    """Why a part of the model gave null although its expressions could be evaluated."""

    code: str
    message: str
    element: str
    line: int = 0


class InputRecord(msgspec.Struct, frozen=True):
    """The value of an input column."""

    id: str | None
    label: str | None
    value: Value


class OutputRecord(msgspec.Struct, frozen=True):
    """The value of an output column in a matched rule."""

    id: str | None
    name: str | None
    value: Value


class RuleRecord(msgspec.Struct, frozen=True):
    """A matched rule; `index` counts from 1 in the order of the table."""

    id: str | None
    index: int
    outputs: tuple[OutputRecord, ...]


class TableRecord(msgspec.Struct, frozen=True):
    """One evaluation of one decision table."""

    id: str | None
    hit_policy: HitPolicy
    aggregation: Aggregation | None
    inputs: tuple[InputRecord, ...]
    rules: tuple[RuleRecord, ...]

    def as_context(self) -> dict[str, Value]:
        """The record as a FEEL value."""
        return {
            "id": self.id,
            "hitPolicy": self.hit_policy.value,
            "aggregation": None if self.aggregation is None else self.aggregation.value,
            "inputs": [msgspec.structs.asdict(item) for item in self.inputs],
            "rules": [
                {
                    "id": rule.id,
                    "index": rule.index,
                    "outputs": [msgspec.structs.asdict(item) for item in rule.outputs],
                }
                for rule in self.rules
            ],
        }


class DecisionRecord(msgspec.Struct, frozen=True):
    """One evaluated decision, with the tables evaluated on the way to its value.

    `kind` is the name of the record that its logic is, such as DecisionTable or Literal, empty without logic.
    """

    id: str | None
    name: str
    model: str
    kind: str
    value: Value
    tables: tuple[TableRecord, ...] = ()

    def as_context(self) -> dict[str, Value]:
        """The record as a FEEL value."""
        return {
            "id": self.id,
            "name": self.name,
            "model": self.model,
            "kind": self.kind,
            "value": self.value,
            "tables": [table.as_context() for table in self.tables],
        }


class Outcome(msgspec.Struct, frozen=True):
    """The value, and how it came about.

    `faults` are violations of the model (types, hit policies, missing logic), `warnings` what FEEL noted. A
    `failure` ended the evaluation early: a limit was passed, and there is no value.
    """

    value: Value
    decisions: tuple[DecisionRecord, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[FeelWarning, ...] = ()
    failure: Failure | None = None

    def as_context(self) -> dict[str, Value]:
        """The outcome as a FEEL value, to be written as JSON."""
        return {
            "value": self.value,
            "decisions": [decision.as_context() for decision in self.decisions],
            "faults": [msgspec.structs.asdict(found) for found in self.faults],
            "warnings": [warning.message for warning in self.warnings],
            "failure": None if self.failure is None else self.failure.message,
        }


class DmnRun(Run):
    """A run of FEEL that also collects faults and, when asked for, the trace."""

    __slots__ = ("decisions", "element", "faults", "tables", "traces")

    def __init__(
        self, env: Environment = DEFAULT_ENVIRONMENT, *, camunda: bool = False, traces: bool = True
    ) -> None:
        super().__init__(env, camunda=camunda)
        self.traces = traces
        self.element = ""
        self.faults: list[Fault] = []
        self.tables: list[TableRecord] = []
        self.decisions: list[DecisionRecord] = []

    def record(self, table: TableRecord) -> None:
        """Notes the evaluation of a table."""
        if len(self.tables) < RECORDS_MAX:
            self.tables.append(table)

    def decided(self, decision: DecisionRecord) -> None:
        """Notes the evaluation of a decision."""
        if len(self.decisions) < RECORDS_MAX:
            self.decisions.append(decision)


def fault(run: Run, code: str, message: str, line: int = 0) -> Value:
    """Notes why a value is null, and is that null, so that one `return` says both."""
    if isinstance(run, DmnRun) and len(run.faults) < FAULTS_MAX:
        run.faults.append(Fault(code, message, run.element, line))
    return None
