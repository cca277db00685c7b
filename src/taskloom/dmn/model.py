"""What a DMN file says, as immutable records: names and texts as written, nothing resolved or compiled.

Every record carries the line it stands on, so that a complaint can name the place.
"""

from collections.abc import Iterator
from enum import Enum

import msgspec


class DmnError(Exception):
    """The model is unusable; `line` is 0 when the trouble is not in one place of the file."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts of a model have: the id if it is written, and the line of the element."""

    id: str | None = None
    line: int = 0


class Variable(Record, frozen=True, kw_only=True):
    """A name with the type that values under this name must have; no type means any."""

    name: str
    type_ref: str | None = None


class Import(Record, frozen=True, kw_only=True):
    """Another model by its namespace; an empty name means its elements are used without prefix."""

    name: str
    namespace: str
    import_type: str
    location: str | None = None


class ItemDefinition(Record, frozen=True, kw_only=True):
    """A type of the model.

    `allowed_values` limits each single value, `type_constraint` the value as a whole (the list, when it is
    a collection); both are unary tests.
    """

    name: str
    type_ref: str | None = None
    is_collection: bool = False
    allowed_values: str | None = None
    type_constraint: str | None = None
    components: tuple["ItemDefinition", ...] = ()
    function: "FunctionItem | None" = None


class FunctionItem(Record, frozen=True, kw_only=True):
    """The type of a function: its parameters and what it returns."""

    parameters: tuple[Variable, ...] = ()
    output_type_ref: str | None = None


class Expression(Record, frozen=True, kw_only=True):
    """A boxed expression; its value must conform to `type_ref` when that is given."""

    type_ref: str | None = None
    label: str | None = None


class Literal(Expression, frozen=True, kw_only=True):
    """FEEL text."""

    text: str
    language: str | None = None


class ContextEntry(Record, frozen=True, kw_only=True):
    """One named entry of a boxed context."""

    variable: Variable
    value: Expression


class Context(Expression, frozen=True, kw_only=True):
    """Named entries, each seeing those before; with a result cell its value is that of the whole."""

    entries: tuple[ContextEntry, ...] = ()
    result: Expression | None = None


class ListOf(Expression, frozen=True, kw_only=True):
    """A list, item by item."""

    items: tuple[Expression, ...] = ()


class Relation(Expression, frozen=True, kw_only=True):
    """A list of contexts with the same names, written as a grid."""

    columns: tuple[Variable, ...] = ()
    rows: tuple[tuple[Expression, ...], ...] = ()


class FunctionDefinition(Expression, frozen=True, kw_only=True):
    """A function; `kind` is FEEL, Java or PMML."""

    kind: str = "FEEL"
    parameters: tuple[Variable, ...] = ()
    body: Expression | None = None


class Binding(Record, frozen=True, kw_only=True):
    """One argument of an invocation; without a value the argument is null."""

    parameter: Variable
    value: Expression | None = None


class Invocation(Expression, frozen=True, kw_only=True):
    """A call by parameter names."""

    callee: Expression
    bindings: tuple[Binding, ...] = ()


class Conditional(Expression, frozen=True, kw_only=True):
    """If, then, else."""

    condition: Expression
    then: Expression
    otherwise: Expression


class Filter(Expression, frozen=True, kw_only=True):
    """The items of a list for which `match` is true."""

    source: Expression
    match: Expression


class For(Expression, frozen=True, kw_only=True):
    """One result per item of a list."""

    variable: str
    source: Expression
    result: Expression
    variable_type: str | None = None


class Quantified(Expression, frozen=True, kw_only=True):
    """Whether some item, or every item, satisfies a condition."""

    every: bool
    variable: str
    source: Expression
    satisfies: Expression
    variable_type: str | None = None


class HitPolicy(Enum):
    """Which of the matching rules of a table count."""

    UNIQUE = "UNIQUE"
    FIRST = "FIRST"
    PRIORITY = "PRIORITY"
    ANY = "ANY"
    COLLECT = "COLLECT"
    RULE_ORDER = "RULE ORDER"
    OUTPUT_ORDER = "OUTPUT ORDER"


class Aggregation(Enum):
    """What COLLECT makes of the collected values."""

    SUM = "SUM"
    COUNT = "COUNT"
    MIN = "MIN"
    MAX = "MAX"


class TableInput(Record, frozen=True, kw_only=True):
    """An input column: the expression, its type, and the values allowed in it."""

    label: str | None
    expression: Literal
    values: str | None = None


class TableOutput(Record, frozen=True, kw_only=True):
    """An output column: name, type, allowed values (their order is the priority), default entry."""

    name: str | None
    label: str | None
    type_ref: str | None = None
    values: str | None = None
    default: Literal | None = None


class Rule(Record, frozen=True, kw_only=True):
    """One row: a unary test per input, an expression per output."""

    tests: tuple[Literal, ...]
    outputs: tuple[Literal, ...]
    annotations: tuple[str, ...] = ()


class DecisionTable(Expression, frozen=True, kw_only=True):
    """A decision table."""

    hit_policy: HitPolicy
    aggregation: Aggregation | None = None
    inputs: tuple[TableInput, ...] = ()
    outputs: tuple[TableOutput, ...] = ()
    rules: tuple[Rule, ...] = ()
    output_label: str | None = None


class Node(Record, frozen=True, kw_only=True):
    """An element of the requirement graph.

    Its value is known to others under the names in `exposed`: that of its variable or, where the file gives
    none, its own name and its id (which is what Camunda's models rely on).
    """

    name: str
    variable: Variable
    exposed: tuple[str, ...]


class InputData(Node, frozen=True, kw_only=True):
    """A value given from outside."""


class Decision(Node, frozen=True, kw_only=True):
    """A value computed from others; the requirements are references as written."""

    required_inputs: tuple[str, ...] = ()
    required_decisions: tuple[str, ...] = ()
    required_knowledge: tuple[str, ...] = ()
    expression: Expression | None = None


class KnowledgeModel(Node, frozen=True, kw_only=True):
    """A named function of the model."""

    required_knowledge: tuple[str, ...] = ()
    logic: FunctionDefinition | None = None


class DecisionService(Node, frozen=True, kw_only=True):
    """Decisions behind one door: what must be handed in, what comes out."""

    output_decisions: tuple[str, ...] = ()
    encapsulated_decisions: tuple[str, ...] = ()
    input_decisions: tuple[str, ...] = ()
    input_data: tuple[str, ...] = ()


class Definitions(Record, frozen=True, kw_only=True):
    """One DMN file."""

    name: str
    namespace: str
    imports: tuple[Import, ...] = ()
    items: tuple[ItemDefinition, ...] = ()
    inputs: tuple[InputData, ...] = ()
    decisions: tuple[Decision, ...] = ()
    knowledge_models: tuple[KnowledgeModel, ...] = ()
    services: tuple[DecisionService, ...] = ()


def texts_of(expression: Expression) -> Iterator[str]:
    """Every FEEL text within an expression."""
    pending: list[object] = [expression]
    while pending:
        part = pending.pop()
        if isinstance(part, Literal):
            yield part.text
        elif isinstance(part, tuple):
            pending.extend(part)
        elif isinstance(part, Record):
            pending.extend(getattr(part, name) for name in part.__struct_fields__)
