"""How built-in functions are declared: a name, the parameters as text, and a Python function.

The text says what a call must bring, so that every function treats bad arguments alike: `string: string,
length?: number` names two parameters, the second may be left out; `any` takes everything, `number?` also
takes null, `a|b` either kind, `item...: any` the rest of the arguments. A one-element list is taken as its
element and an element as a one-element list where that makes the argument fit. What does not fit gives null
and a warning.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.dialect import Dialect
from taskloom.feel.run import Run
from taskloom.feel.temporal_arithmetic import midnight_utc
from taskloom.feel.text import describe
from taskloom.feel.values import (
    Date,
    DateTime,
    DayTimeDuration,
    Function,
    Range,
    Time,
    Value,
    YearMonthDuration,
)

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "number": (int, Decimal),
    "string": (str,),
    "boolean": (bool,),
    "list": (list,),
    "context": (dict,),
    "range": (Range,),
    "function": (Function,),
    "date": (Date,),
    "time": (Time,),
    "date and time": (DateTime,),
    "days and time duration": (DayTimeDuration,),
    "years and months duration": (YearMonthDuration,),
    "duration": (DayTimeDuration, YearMonthDuration),
    "point": (int, Decimal, str, Date, Time, DateTime, DayTimeDuration, YearMonthDuration),
    "any": (),
}


class Refusal(msgspec.Struct, frozen=True):
    """What a built-in answers instead of a value when the arguments make no sense together."""

    message: str


class Parameter(msgspec.Struct, frozen=True):
    """One parameter; no kinds means any value, null included."""

    name: str
    expected: str
    kinds: frozenset[type]
    nullable: bool
    optional: bool
    variadic: bool


class Overload(msgspec.Struct, frozen=True):
    """One way to call a function."""

    parameters: tuple[Parameter, ...]
    required: int
    variadic: bool
    body: Callable[..., Any]

    def takes(self, count: int) -> bool:
        """Whether that many arguments by position are possible."""
        return self.required <= count and (self.variadic or count <= len(self.parameters))


class BuiltIn(Function):
    """A built-in function: its overloads are tried in the order of their declaration."""

    __slots__ = ("overloads", "pure")

    def __init__(self, name: str) -> None:
        super().__init__((), self._as_body, name=name)
        self.overloads: list[Overload] = []
        self.pure = True

    def _as_body(self, run: Run, *arguments: Value) -> Value:
        return self.call(run, (0, 0), arguments)

    def call(self, run: Run, span: Span, arguments: Sequence[Value]) -> Value:
        """Calls it by position."""
        return self._call(run, span, arguments, self.overloads, None)

    def call_after(self, run: Run, span: Span, arguments: Sequence[Value], refusal: Refusal) -> Value:
        """Goes on after the first fitting overload was called directly and refused."""
        fitting = [overload for overload in self.overloads if overload.takes(len(arguments))]
        return self._call(run, span, arguments, fitting[1:], refusal)

    def _call(
        self,
        run: Run,
        span: Span,
        arguments: Sequence[Value],
        overloads: Sequence[Overload],
        problem: Refusal | None,
    ) -> Value:
        for overload in overloads:
            if overload.takes(len(arguments)):
                outcome = _attempt(overload, run, arguments)
                if type(outcome) is not Refusal:
                    return outcome
                problem = problem or outcome
        problem = problem or Refusal(f"{len(arguments)} arguments are too few or too many")
        return self._refuse(run, span, problem)

    def call_named(self, run: Run, span: Span, names: Sequence[str], arguments: Sequence[Value]) -> Value:
        """Calls it by name; of overloads with the same names the one that has them in the same order."""
        given = dict(zip(names, arguments, strict=True))
        problem = None
        for overload in sorted(self.overloads, key=lambda overload: not _in_order(overload, names)):
            ordered = _ordered(overload, given)
            if ordered is not None:
                outcome = _attempt(overload, run, ordered)
                if type(outcome) is not Refusal:
                    return outcome
                problem = problem or outcome
        return self._refuse(run, span, problem or Refusal(f"it has no parameters {', '.join(names)}"))

    def _refuse(self, run: Run, span: Span, refusal: Refusal) -> None:
        message = f"Failed to invoke function '{self.name}': {refusal.message}"
        run.warn(WarningCode.FUNCTION_FAILED, message, span)


def _in_order(overload: Overload, names: Sequence[str]) -> bool:
    return [parameter.name for parameter in overload.parameters] == list(names)


def _ordered(overload: Overload, given: dict[str, Value]) -> list[Value] | None:
    names = [parameter.name for parameter in overload.parameters]
    if not given.keys() <= set(names):
        return None
    ordered: list[Value] = []
    for parameter in reversed(overload.parameters):
        if parameter.name in given:
            value = given[parameter.name]
            if parameter.variadic and type(value) is list and len(overload.parameters) == 1:
                return value
            ordered.append(value)
        elif ordered and parameter.nullable:
            ordered.append(None)
        elif ordered or not parameter.optional:
            return None
    ordered.reverse()
    return ordered


def _attempt(overload: Overload, run: Run, arguments: Sequence[Value]) -> Value:
    parameters = overload.parameters
    checked: list[Value] = []
    last = len(parameters) - 1
    for index, value in enumerate(arguments):
        parameter = parameters[min(last, index)]
        kinds = parameter.kinds
        if not kinds or type(value) in kinds or (value is None and parameter.nullable):
            checked.append(value)
            continue
        fitted = _fitted(value, parameter)
        if type(fitted) is Refusal:
            return fitted
        checked.append(fitted)
    return overload.body(run, *checked)


def _fitted(value: Value, parameter: Parameter) -> Value:
    kinds = parameter.kinds
    if list in kinds and value is not None:
        return [value]
    if (
        type(value) is list
        and len(value) == 1
        and (type(value[0]) in kinds or isinstance(value[0], Function))
    ):
        return _fitted(value[0], parameter) if type(value[0]) not in kinds else value[0]
    if type(value) is Date and DateTime in kinds:
        return midnight_utc(value)
    if Function in kinds and isinstance(value, Function):
        return value
    return Refusal(f"expected {parameter.expected} but found '{describe(value)}'")


_TABLES: Final[dict[Dialect, dict[str, BuiltIn]]] = {Dialect.DMN: {}, Dialect.CAMUNDA: {}}
Body = Callable[..., Any]


def built_in(
    name: str, signature: str, *, pure: bool = True, dialects: tuple[Dialect, ...] = tuple(Dialect)
) -> Callable[[Body], Body]:
    """Declares one overload of a function; an impure one is never folded into a constant."""
    parameters = tuple(_parameter(part.strip()) for part in signature.split(",") if part.strip())

    def declare(body: Body) -> Body:
        required = sum(not parameter.optional for parameter in parameters)
        variadic = any(parameter.variadic for parameter in parameters)
        for dialect in dialects:
            function = _TABLES[dialect].setdefault(name, BuiltIn(name))
            function.overloads.append(Overload(parameters, required, variadic, body))
            function.pure = pure
            function.parameters = tuple(parameter.name for parameter in function.overloads[0].parameters)
        return body

    return declare


def _parameter(text: str) -> Parameter:
    name, _, expected = (part.strip() for part in text.partition(":"))
    nullable = expected.endswith("?") or expected == "any"
    kinds = frozenset(kind for word in expected.rstrip("?").split("|") for kind in _KINDS[word.strip()])
    return Parameter(
        name=name.rstrip("?."),
        expected=expected.rstrip("?").replace("|", " or "),
        kinds=kinds,
        nullable=nullable,
        optional=name.endswith("?"),
        variadic=name.endswith("..."),
    )


def table(dialect: Dialect) -> dict[str, BuiltIn]:
    """The functions of a dialect by name."""
    return _TABLES[dialect]
