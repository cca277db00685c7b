"""Cross-field rules: FEEL over `doc`, the document's values by entity id.

Amounts and numbers are exact decimals, dates are dates, a missing value is null, and an entity that may occur
more than once is a list. Only `true` passes. Anything else fails the rule; where the reason is not plainly
the values themselves (something was null, a limit was passed, the result is no boolean) it is RULE_ERROR.

All rules of a document share one budget of steps, so their number cannot be used to stop a server.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from taskloom.core.limits import EXPRESSION_STEPS, RULE_LENGTH
from taskloom.feel import (
    Date,
    Environment,
    EvaluationEnded,
    ExpressionCache,
    FeelSyntaxError,
    Limits,
    Run,
    Value,
    compile_expression,
    from_python,
)
from taskloom.flows.document.schema import Entity, EntityType, Rule

_LIMITS = Limits(steps=EXPRESSION_STEPS, source_chars=RULE_LENGTH, warnings=EXPRESSION_STEPS)
_MENTION = re.compile(r"\bdoc\.([A-Za-z_][A-Za-z0-9_]*)")
_CACHE = ExpressionCache()


class Verdict(Struct, frozen=True):
    """What a rule says of a document: passed, or failed and whether for want of values."""

    rule: Rule
    passed: bool
    is_error: bool = False
    detail: str = ""


def rule_fault(rule: Rule) -> str | None:
    """Why the expression is no FEEL; None when it is."""
    if not rule.expr.strip() or len(rule.expr) > RULE_LENGTH:
        return f"1 to {RULE_LENGTH} characters"
    try:
        compile_expression(rule.expr, limits=_LIMITS)
    except FeelSyntaxError as error:
        return f"not FEEL: {error}"
    return None


def judge(rules: Sequence[Rule], doc: Mapping[str, Value], label: str | None, now_ms: int) -> list[Verdict]:
    """Every rule's verdict, in order."""
    run = Run(Environment.at(now_ms, limits=_LIMITS))
    scope = {"doc": dict(doc), "label": label}
    return [_verdict(rule, run, scope) for rule in rules]


def entities_of(rule: Rule) -> tuple[str, ...]:
    """The entities a rule is about: those it declares, else those its expression mentions."""
    return rule.entities or tuple(dict.fromkeys(_MENTION.findall(rule.expr)))


def feel_value(entity: Entity, values: Sequence[str]) -> Value:
    """The values of an entity, in their normal spelling, as FEEL sees them."""
    converted = [_one(entity, value) for value in values]
    if entity.max_occurrences > 1:
        return converted
    return converted[0] if converted else None


def _one(entity: Entity, value: str) -> Value:
    if entity.type in {EntityType.AMOUNT, EntityType.NUMBER}:
        return from_python(Decimal(value))
    if entity.type is EntityType.DATE:
        year, month, day = value.split("-")
        return Date.of(int(year), int(month), int(day))
    return value == "true" if entity.type is EntityType.CHECKBOX else value


def _verdict(rule: Rule, run: Run, scope: Mapping[str, Value]) -> Verdict:
    noted = len(run.warnings)
    try:
        value = _CACHE.expression(rule.expr).value(run, scope)
    except EvaluationEnded as ended:
        return Verdict(rule, passed=False, is_error=True, detail=ended.failure.message)
    except (FeelSyntaxError, RecursionError) as error:
        return Verdict(rule, passed=False, is_error=True, detail=str(error))
    if value is True:
        return Verdict(rule, passed=True)
    missing = [name for name in entities_of(rule) if scope["doc"].get(name) in (None, [])]
    if missing:
        return Verdict(rule, passed=False, is_error=True, detail=f"{', '.join(missing)} is missing")
    warnings = run.warnings[noted:]
    detail = warnings[0].message if warnings else ""
    return Verdict(rule, passed=False, is_error=bool(warnings) or value is not False, detail=detail)
