"""Values in a model: a static text, or FEEL after an equals sign.

So far the only FEEL is the name of a variable, whose bytes are copied; the rest is refused when deploying.
"""

import re
from decimal import Decimal

import msgspec

from taskloom.flows.bpmn.variables import Seen

NULL = b"null"
_NAME = re.compile(r"\s*([^\W\d]\w*)\s*")
_LITERALS = frozenset({"null", "true", "false"})
_DIGITS_MAX = 20
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Static(msgspec.Struct, frozen=True):
    """A text that means itself."""

    text: str


class Formula(msgspec.Struct, frozen=True):
    """A FEEL expression; `text` is without the equals sign."""

    text: str
    variable: str


Expression = Static | Formula


class Unreadable(msgspec.Struct, frozen=True):
    """A text that is no FEEL."""

    reason: str


class Unusable(msgspec.Struct, frozen=True):
    """An expression gave no value of the type that is needed; the message is for the incident."""

    message: str


def read_expression(text: str) -> Expression | Unreadable:
    """What an attribute says."""
    if not text.startswith("="):
        return Static(text)
    name = _NAME.fullmatch(text, 1)
    if name is None or name[1] in _LITERALS:
        return Unreadable("only the name of a variable is supported")
    return Formula(text[1:].strip(), name[1])


def formula_text(expression: Expression) -> str:
    """The text of an expression as it stands in a message."""
    return expression.text if isinstance(expression, Formula) else f'"{expression.text}"'


def evaluate_json(expression: Expression, seen: Seen) -> bytes | Unusable:
    """The value as JSON; an empty text is null, and so is a variable that is missing."""
    if isinstance(expression, Static):
        return msgspec.json.encode(expression.text) if expression.text else NULL
    return seen.get(expression.variable) or NULL


def extract_text(expression: Expression, seen: Seen) -> str | Unusable:
    """The value, which must be a string."""
    if isinstance(expression, Static):
        return expression.text
    value = _decode(seen.get(expression.variable) or NULL)
    return value if isinstance(value, str) else _unexpected(expression, seen, "STRING", value)


def extract_integer(expression: Expression, seen: Seen) -> int | Unusable:
    """The value, which must be a whole number."""
    if isinstance(expression, Static):
        return int(expression.text)
    value = _decode(seen.get(expression.variable) or NULL)
    is_whole = type(value) is int or (type(value) is Decimal and _is_whole(value))
    return int(value) if is_whole else _unexpected(expression, seen, "NUMBER", value)


def _is_whole(value: Decimal) -> bool:
    """Also false for what is too large to count anything."""
    return value.adjusted() < _DIGITS_MAX and value == value.to_integral_value()


def _unexpected(expression: Formula, seen: Seen, expected: str, value: object) -> Unusable:
    text = (
        f"Expected result of the expression '{expression.text}' to be '{expected}', but was '{_kind(value)}'."
    )
    if seen.get(expression.variable) is not None:
        return Unusable(text)
    warning = f"[NO_VARIABLE_FOUND] No variable found with name '{expression.variable}'"
    return Unusable(f"{text} The evaluation reported the following warnings:\n{warning}")


def _kind(value: object) -> str:
    return _KINDS[type(value)]


_KINDS: dict[type, str] = {
    type(None): "NULL",
    bool: "BOOLEAN",
    int: "NUMBER",
    Decimal: "NUMBER",
    str: "STRING",
    list: "ARRAY",
    dict: "OBJECT",
}
