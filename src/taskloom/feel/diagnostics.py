"""What went wrong, as values: warnings, failures and the one exception, the syntax error."""

from enum import StrEnum

import msgspec

Span = tuple[int, int]
"""Where a piece of source text begins and ends, counted in characters."""

NO_SPAN: Span = (0, 0)


class Position(msgspec.Struct, frozen=True):
    """A place in a source text: the offset from 0, line and column from 1."""

    offset: int
    line: int
    column: int

    @classmethod
    def of(cls, text: str, offset: int) -> "Position":
        """Lines end with a line feed; columns count characters."""
        line_start = text.rfind("\n", 0, offset) + 1
        return cls(offset, text.count("\n", 0, offset) + 1, offset - line_start + 1)


class FeelSyntaxError(ValueError):
    """The text is no FEEL; nothing was evaluated."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(f"{message} (line {position.line}, column {position.column})")
        self.message = message
        self.position = position


class WarningCode(StrEnum):
    """The kinds of warnings; their texts are for people, these are for programs."""

    NO_VARIABLE = "no_variable"
    NO_PROPERTY = "no_property"
    NO_FUNCTION = "no_function"
    FUNCTION_FAILED = "function_failed"
    INVALID_TYPE = "invalid_type"
    NOT_COMPARABLE = "not_comparable"
    INVALID_LITERAL = "invalid_literal"
    OUT_OF_RANGE = "out_of_range"
    UNSUPPORTED = "unsupported"


class FeelWarning(msgspec.Struct, frozen=True):
    """Why a value became null: a code, a sentence and the place in the source."""

    code: WarningCode
    message: str
    span: Span = NO_SPAN


class FailureCode(StrEnum):
    """Why an evaluation has no value at all."""

    LIMIT = "limit"
    ASSERTION = "assertion"


class Failure(msgspec.Struct, frozen=True):
    """The evaluation ended early: a bound was passed or an assertion did not hold."""

    code: FailureCode
    message: str


class EvaluationEnded(Exception):  # noqa: N818 - it ends an evaluation and never leaves this package
    """Carries a failure from the depth of an evaluation to `Compiled.evaluate`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def limit_passed(message: str) -> EvaluationEnded:
    """The exception to raise when a bound is passed."""
    return EvaluationEnded(Failure(FailureCode.LIMIT, message))
