"""Making ranges: intervals from two ends, comparisons such as `(>= 5)` from one."""

from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.ordering import compare
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.values import Range, Value


def interval(  # noqa: PLR0917 - the two ends and their two flags
    run: Run, span: Span, start: Value, end: Value, start_included: bool, end_included: bool
) -> Range | None:
    """An interval; its ends must be of one ordered kind, or null."""
    lower, upper = (end if start is None else start), (start if end is None else end)
    if lower is not None and compare(lower, upper) is None:
        message = f"Can't make a range from '{describe(start)}' to '{describe(end)}'"
        run.warn(WarningCode.NOT_COMPARABLE, message, span)
        return None
    return Range(start, end, start_included, end_included)


def comparison_range(operator: str, operand: Value) -> Range:
    """The range of values for which the comparison holds; an end that stays open is null and not included."""
    if operator in ("<", "<="):
        return Range(None, operand, False, operator == "<=", operator)
    if operator in (">", ">="):
        return Range(operand, None, operator == ">=", False, operator)
    included = operator == "="
    return Range(operand, operand, included, included, operator)
