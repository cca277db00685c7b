"""Values in a model: a static text, or FEEL after an equals sign.

The name of a variable alone is not evaluated: its bytes are copied, so that nobody who merely passes a value
on changes it. Everything else is FEEL in Camunda's dialect, within the steps of one command.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from taskloom import feel
from taskloom.core.limits import EXPRESSION_STEPS
from taskloom.feel.diagnostics import FeelWarning, WarningCode
from taskloom.flows.bpmn.variables import Seen

NULL = b"null"
LIMITS = feel.Limits(steps=EXPRESSION_STEPS)
_compiled = feel.ExpressionCache(feel.Dialect.CAMUNDA)
_NAME = re.compile(r"[^\W\d]\w*")
_DIGITS_MAX = 20


class Static(msgspec.Struct, frozen=True, tag="static"):
    """A text that means itself."""

    text: str


class Formula(msgspec.Struct, frozen=True, tag="formula"):
    """A FEEL expression; `text` is without the equals sign, `variable` the name if it is no more than one."""

    text: str
    variable: str = ""


Expression = Static | Formula


class Unreadable(msgspec.Struct, frozen=True):
    """A text that is no FEEL."""

    reason: str


class Unusable(msgspec.Struct, frozen=True):
    """An expression gave no value of the type that is needed; the message is for the incident."""

    message: str


class Evaluated(msgspec.Struct, frozen=True):
    """A value, and why parts of it became null."""

    value: feel.Value
    warnings: tuple[FeelWarning, ...] = ()


def read_expression(text: str) -> Expression | Unreadable:
    """What an attribute says."""
    if not text.startswith("="):
        return Static(text)
    formula = text[1:].strip()
    try:
        _compiled.expression(formula)
    except feel.FeelSyntaxError as error:
        return Unreadable(str(error))
    is_name = _NAME.fullmatch(formula) is not None and formula not in _LITERALS
    return Formula(formula, formula if is_name else "")


_LITERALS = frozenset({"null", "true", "false"})


def formula_text(expression: Expression) -> str:
    """The text of an expression as it stands in a message."""
    return expression.text if isinstance(expression, Formula) else f'"{expression.text}"'


def evaluate_json(expression: Expression, seen: Seen) -> bytes | Unusable:
    """The value as JSON; an empty text is null, and so is a variable that is missing."""
    if isinstance(expression, Static):
        return msgspec.json.encode(expression.text) if expression.text else NULL
    if expression.variable:
        return seen.get(expression.variable) or NULL
    evaluated = _evaluate(expression, seen)
    if isinstance(evaluated, Unusable):
        return evaluated
    try:
        return feel.to_json(evaluated.value, limits=LIMITS)
    except feel.UnfitJson as error:
        return Unusable(str(error))


def extract_text(expression: Expression, seen: Seen) -> str | Unusable:
    """The value, which must be a string."""
    if isinstance(expression, Static):
        return expression.text
    evaluated = _evaluate(expression, seen)
    if isinstance(evaluated, Unusable) or isinstance(evaluated.value, str):
        return evaluated if isinstance(evaluated, Unusable) else str(evaluated.value)
    return _unexpected(expression, "STRING", evaluated)


def extract_integer(expression: Expression, seen: Seen) -> int | Unusable:
    """The value, which must be a whole number."""
    if isinstance(expression, Static):
        return int(expression.text)
    evaluated = _evaluate(expression, seen)
    if isinstance(evaluated, Unusable):
        return evaluated
    value = evaluated.value
    if type(value) is int or (type(value) is Decimal and _is_whole(value)):
        return int(value)
    return _unexpected(expression, "NUMBER", evaluated)


class _Variables(Mapping[str, feel.Value]):
    """What an element sees, parsed where the expression looks."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def __getitem__(self, name: str) -> feel.Value:
        body = self._seen.get(name)
        if body is None:
            raise KeyError(name)
        return feel.from_json(body)

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen.names())

    def __len__(self) -> int:
        return len(self._seen.names())


def _evaluate(formula: Formula, seen: Seen) -> Evaluated | Unusable:
    """The value; the steps it took are counted against those of the command."""
    run = feel.Run(feel.Environment.at(seen.now_ms, limits=LIMITS), camunda=True)
    try:
        value = _compiled.expression(formula.text).value(run, _Variables(seen))
    except feel.EvaluationEnded as ended:
        return Unusable(ended.failure.message)
    except RecursionError:
        return Unusable("The evaluation is nested too deeply.")
    except feel.UnfitJson as error:
        return Unusable(str(error))
    finally:
        seen.spend(LIMITS.steps - run.steps_left)
    return Evaluated(value, tuple(run.warnings))


def _is_whole(value: Decimal) -> bool:
    """Also false for what is too large to count anything."""
    return value.adjusted() < _DIGITS_MAX and value == value.to_integral_value()


def _unexpected(expression: Formula, expected: str, evaluated: Evaluated) -> Unusable:
    found = _KINDS.get(type(evaluated.value), "STRING")
    text = f"Expected result of the expression '{expression.text}' to be '{expected}', but was '{found}'."
    if not evaluated.warnings:
        return Unusable(text)
    lines = (f"[{_CODES[warning.code]}] {warning.message}" for warning in evaluated.warnings)
    return Unusable("\n".join((f"{text} The evaluation reported the following warnings:", *lines)))


_KINDS: dict[type, str] = {
    type(None): "NULL",
    bool: "BOOLEAN",
    int: "NUMBER",
    Decimal: "NUMBER",
    str: "STRING",
    list: "ARRAY",
    dict: "OBJECT",
}

_CODES: Mapping[WarningCode, str] = {
    WarningCode.NO_VARIABLE: "NO_VARIABLE_FOUND",
    WarningCode.NO_PROPERTY: "NO_PROPERTY_FOUND",
    WarningCode.NO_FUNCTION: "NO_FUNCTION_FOUND",
    WarningCode.FUNCTION_FAILED: "FUNCTION_INVOCATION_FAILURE",
    WarningCode.INVALID_TYPE: "INVALID_TYPE",
    WarningCode.NOT_COMPARABLE: "NOT_COMPARABLE",
    WarningCode.INVALID_LITERAL: "INVALID_LITERAL",
    WarningCode.OUT_OF_RANGE: "OUT_OF_RANGE",
    WarningCode.UNSUPPORTED: "UNSUPPORTED",
}
