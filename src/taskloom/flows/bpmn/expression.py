"""Values in a model: a static text, or FEEL after an equals sign.

A FEEL expression that is no more than a variable's name copies the variable's bytes; everything else parses
the variables that it asks for, one by one.
"""

from collections.abc import Mapping, Sequence

import msgspec

NULL = b"null"


class Static(msgspec.Struct, frozen=True):
    """A text that means itself."""

    text: str


class Formula(msgspec.Struct, frozen=True):
    """A FEEL expression; `text` is without the equals sign."""

    text: str


Expression = Static | Formula


class Unreadable(msgspec.Struct, frozen=True):
    """A text that is no FEEL."""

    reason: str


class Unusable(msgspec.Struct, frozen=True):
    """An expression that gave no value, or none of the type that is needed."""

    message: str
    warnings: Sequence[str] = ()

    def describe(self, what: str) -> str:
        """The sentence for the incident."""
        return f"{what}: {self.message}"


def read_expression(text: str) -> Expression | Unreadable:
    """What an attribute says."""
    if not text.startswith("="):
        return Static(text)
    return Unreadable("FEEL is not there")


def formula_text(expression: Expression) -> str:
    """The text of an expression as it stands in a message."""
    return expression.text if isinstance(expression, Formula) else f'"{expression.text}"'


def evaluate_json(expression: Expression, variables: Mapping[str, bytes], now_ms: int) -> bytes | Unusable:
    """The value as JSON; an empty text is null."""
    if isinstance(expression, Static):
        return msgspec.json.encode(expression.text) if expression.text else NULL
    return Unusable("")


def extract_text(expression: Expression, variables: Mapping[str, bytes], now_ms: int) -> str | Unusable:
    """The value, which must be a string."""
    return expression.text if isinstance(expression, Static) else Unusable("")


def extract_integer(expression: Expression, variables: Mapping[str, bytes], now_ms: int) -> int | Unusable:
    """The value, which must be a whole number."""
    return int(expression.text) if isinstance(expression, Static) else Unusable("")
