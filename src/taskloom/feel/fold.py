"""Constant folding: what can be computed when compiling is computed once.

Folded are date and duration literals, lists, intervals, operators and pure built-in functions whose
operands are all constant. A part whose value comes with a warning stays as it is, so that each evaluation
warns.
"""

from dataclasses import fields, replace
from typing import Any, Final

from taskloom.feel.closures import ClosureCompiler, Frame
from taskloom.feel.diagnostics import EvaluationEnded
from taskloom.feel.dialect import Dialect
from taskloom.feel.library import built_ins
from taskloom.feel.limits import Limits
from taskloom.feel.nodes import (
    AtLiteral,
    Between,
    Binary,
    Call,
    ComparisonRange,
    Constant,
    Expr,
    In,
    Interval,
    Iterator,
    ListLiteral,
    Literal,
    Name,
    Negation,
    Path,
)
from taskloom.feel.run import Environment, Run
from taskloom.feel.values import Function

_LIMITS: Final = Limits(steps=1_000, list_items=100, string_chars=10_000)
_FOLDED: Final = (Between, Binary, ComparisonRange, In, Interval, ListLiteral, Negation, Path)

_PARTS: Final[dict[type[Expr], tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind) if field.name != "span")
    for kind in Expr.__subclasses__()
}
"""The fields of each kind of node that may hold other nodes."""


def fold(node: Expr, dialect: Dialect) -> Expr:
    """The same tree with its constant parts computed."""
    if isinstance(node, Literal | Constant):
        return node
    rebuilt = _rebuilt(node, dialect)
    return _computed(rebuilt, dialect) if _is_constant(rebuilt, dialect) else rebuilt


def _rebuilt(node: Expr, dialect: Dialect) -> Expr:
    changed: dict[str, Any] = {}
    for name in _PARTS[type(node)]:
        before = getattr(node, name)
        after = _folded_part(before, dialect)
        if after is not before:
            changed[name] = after
    return replace(node, **changed) if changed else node


def _folded_part(part: object, dialect: Dialect) -> object:
    if isinstance(part, Expr):
        return fold(part, dialect)
    if isinstance(part, Iterator):
        end = None if part.end is None else fold(part.end, dialect)
        return replace(part, source=fold(part.source, dialect), end=end)
    if isinstance(part, tuple):
        items = tuple(_folded_part(item, dialect) for item in part)
        return part if all(new is old for new, old in zip(items, part, strict=True)) else items
    return part


def _is_constant(node: Expr, dialect: Dialect) -> bool:
    if isinstance(node, AtLiteral):
        return True
    if isinstance(node, Call):
        return _is_pure(node.function, dialect) and _all_constant(node.arguments)
    if isinstance(node, In):
        return _all_constant((node.value, *node.tests))
    if isinstance(node, ListLiteral):
        return _all_constant(node.items)
    if not isinstance(node, _FOLDED):
        return False
    parts = [getattr(node, name) for name in _PARTS[type(node)]]
    return _all_constant(tuple(part for part in parts if isinstance(part, Expr)))


def _all_constant(nodes: tuple[Expr, ...]) -> bool:
    return all(isinstance(node, Literal | Constant) for node in nodes)


def _is_pure(function: Expr, dialect: Dialect) -> bool:
    if not isinstance(function, Name) or not function.built_in:
        return False
    known = built_ins(dialect).get(function.name)
    return known is not None and known.pure


def _computed(node: Expr, dialect: Dialect) -> Expr:
    run = Run(Environment(limits=_LIMITS), camunda=dialect is Dialect.CAMUNDA)
    try:
        value = ClosureCompiler(dialect, {}).code(node)(Frame(run, {}, []))
    except EvaluationEnded:
        return node
    if run.warnings or isinstance(value, Function):
        return node
    return Constant(value, node, span=node.span)
