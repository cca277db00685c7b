"""The tree of an expression: immutable, each node with its place in the source, which equality ignores."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from taskloom.feel.diagnostics import NO_SPAN, Span
from taskloom.feel.type_system import FeelType
from taskloom.feel.values import Value


@dataclass(frozen=True, slots=True)
class Expr:
    """Any node; `span` says which characters it was read from."""

    span: Span = field(default=NO_SPAN, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Literal(Expr):
    """null, a boolean, a number or a string as written."""

    value: Value


@dataclass(frozen=True, slots=True)
class Constant(Expr):
    """A value computed when compiling, in place of the tree `origin` that gave it."""

    value: Value = field(compare=False)
    origin: Expr


@dataclass(frozen=True, slots=True)
class AtLiteral(Expr):
    """`@"2024-02-29"`; the text decides which temporal value it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A variable, parameter, iteration variable, context entry, `item`, `partial`, `?` or a built-in.

    `built_in` says that nothing of that name was declared, so that a call means the built-in function.
    """

    name: str
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class ContextLiteral(Expr):
    """`{a: 1, "b": a + 1}`: later entries see earlier ones."""

    entries: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class ListLiteral(Expr):
    """`[1, 2]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Interval(Expr):
    """`[a..b]`, with open or closed ends."""

    start: Expr
    end: Expr
    start_included: bool
    end_included: bool


@dataclass(frozen=True, slots=True)
class ComparisonRange(Expr):
    """`< 10`: a unary test, or in parentheses a range as a value."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Negation(Expr):
    """Unary minus."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """`+ - * / **`, `= != < <= > >=`, `and`, `or`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Between(Expr):
    """`x between low and high`."""

    value: Expr
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class In(Expr):
    """`x in test` or `x in (test, test)`."""

    value: Expr
    tests: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class UnaryTests(Expr):
    """The entry of a decision table: any test passes, or with `negated` none. No tests at all is `-`."""

    tests: tuple[Expr, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Path(Expr):
    """`source.name`."""

    source: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Filter(Expr):
    """`source[condition]`: by position or by condition."""

    source: Expr
    condition: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """`function(1, 2)` with arguments by position."""

    function: Expr
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class NamedCall(Expr):
    """`function(a: 1, b: 2)` with arguments by name."""

    function: Expr
    arguments: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class If(Expr):
    """`if condition then a else b`."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Iterator:
    """`name in source`, or `name in source..end`."""

    name: str
    source: Expr
    end: Expr | None = None


@dataclass(frozen=True, slots=True)
class For(Expr):
    """`for x in a, y in b return body`."""

    iterators: tuple[Iterator, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Quantified(Expr):
    """`some x in a satisfies condition`; `every` likewise."""

    every: bool
    iterators: tuple[Iterator, ...]
    condition: Expr


@dataclass(frozen=True, slots=True)
class InstanceOf(Expr):
    """`value instance of type`."""

    value: Expr
    type: FeelType


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function literal, with its type when written."""

    name: str
    type: FeelType | None = None


@dataclass(frozen=True, slots=True)
class FunctionLiteral(Expr):
    """`function(a, b: number) a + b`; the body of an external one names a method of Java."""

    parameters: tuple[Parameter, ...]
    body: Expr
    external: bool = False


def _iterated(node: "For | Quantified", body: Expr) -> tuple[Expr, ...]:
    parts = (part for it in node.iterators for part in (it.source, it.end) if part is not None)
    return (*parts, body)


_CHILDREN: Final[dict[type[Expr], Callable[[Any], tuple[Expr, ...]]]] = {
    ContextLiteral: lambda node: tuple(value for _, value in node.entries),
    ListLiteral: lambda node: node.items,
    Interval: lambda node: (node.start, node.end),
    ComparisonRange: lambda node: (node.operand,),
    Negation: lambda node: (node.operand,),
    Binary: lambda node: (node.left, node.right),
    Between: lambda node: (node.value, node.low, node.high),
    In: lambda node: (node.value, *node.tests),
    UnaryTests: lambda node: node.tests,
    Path: lambda node: (node.source,),
    Filter: lambda node: (node.source, node.condition),
    Call: lambda node: (node.function, *node.arguments),
    NamedCall: lambda node: (node.function, *(value for _, value in node.arguments)),
    If: lambda node: (node.condition, node.then, node.otherwise),
    For: lambda node: _iterated(node, node.body),
    Quantified: lambda node: _iterated(node, node.condition),
    InstanceOf: lambda node: (node.value,),
    FunctionLiteral: lambda node: (node.body,),
}


def children(node: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions, in source order."""
    found = _CHILDREN.get(type(node))
    return () if found is None else found(node)
