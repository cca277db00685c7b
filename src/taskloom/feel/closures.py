"""The first back end: each node becomes a Python closure over its children. Quick to build.

A frame holds what the closures share while they run: the run, the scope of variables and the slots of local
names. The closures of operators stand in `closure_operators`, those of loops, functions and calls in
`closure_forms`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from taskloom.feel import access, iso
from taskloom.feel.bindings import Bindings
from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.dialect import Dialect
from taskloom.feel.library import built_ins
from taskloom.feel.nodes import (
    AtLiteral,
    Constant,
    ContextLiteral,
    Expr,
    FunctionLiteral,
    ListLiteral,
    Literal,
    Name,
    Path,
)
from taskloom.feel.run import Run
from taskloom.feel.type_system import FeelType
from taskloom.feel.values import Scope, Value


class Frame:
    """The state of one activation: run, scope and slots."""

    __slots__ = ("run", "scope", "slots")

    def __init__(self, run: Run, scope: Scope, slots: list[Value]) -> None:
        self.run = run
        self.scope = scope
        self.slots = slots


Code = Callable[[Frame], Value]
Compile = Callable[["ClosureCompiler", Any], Code]
AnyCompile = TypeVar("AnyCompile", bound=Compile)

_COMPILERS: Final[dict[type[Expr], Compile]] = {}


class ClosureCompiler:
    """Turns one tree into a closure."""

    def __init__(self, dialect: Dialect, types: Mapping[str, FeelType]) -> None:
        self.dialect = dialect
        self.types = types
        self.bindings = Bindings()
        self.built_ins = built_ins(dialect)

    def code(self, node: Expr) -> Code:
        """The closure for a tree."""
        return _COMPILERS[type(node)](self, node)

    def codes(self, nodes: tuple[Expr, ...]) -> tuple[Code, ...]:
        """The closures for several trees."""
        return tuple(self.code(node) for node in nodes)


def compiles(kind: type[Expr]) -> Callable[[AnyCompile], AnyCompile]:
    """Registers the function that compiles a kind of node."""

    def register(function: AnyCompile) -> AnyCompile:
        _COMPILERS[kind] = function
        return function

    return register


@compiles(Literal)
def _literal(_: ClosureCompiler, node: Literal) -> Code:
    value = node.value
    return lambda _: value


@compiles(Constant)
def _constant(_: ClosureCompiler, node: Constant) -> Code:
    value = node.value
    return lambda _: value


@compiles(AtLiteral)
def _at_literal(compiler: ClosureCompiler, node: AtLiteral) -> Code:
    text, span = node.text, node.span
    value = iso.read_any(text, lenient=compiler.dialect is Dialect.CAMUNDA)
    if value is not None:
        return lambda _: value
    message = f"'{text}' is no date, time or duration"
    return lambda frame: frame.run.warn(WarningCode.INVALID_LITERAL, message, span)


@compiles(Name)
def _name(compiler: ClosureCompiler, node: Name) -> Code:
    items, slot = compiler.bindings.find(node.name)
    outer = _free_name(compiler, node) if slot is None else _slot(slot)
    for item in reversed(items):
        outer = _item_member(item, node.name, outer)
    return outer


def _slot(slot: int) -> Code:
    return lambda frame: frame.slots[slot]


def _item_member(slot: int, name: str, outer: Code) -> Code:
    def code(frame: Frame) -> Value:
        item = frame.slots[slot]
        return item[name] if type(item) is dict and name in item else outer(frame)

    return code


def _free_name(compiler: ClosureCompiler, node: Name) -> Code:
    name, span = node.name, node.span
    fallback = compiler.built_ins.get(name)

    def code(frame: Frame) -> Value:
        try:
            return frame.scope[name]
        except KeyError:
            return missing(frame.run, span, name, fallback)

    return code


def missing(run: Run, span: Span, name: str, fallback: Value) -> Value:
    """A name that no variable has: a function of the environment, a built-in one, else null."""
    if name in run.env.functions:
        return run.env.functions[name]
    if fallback is not None:
        return fallback
    return run.warn(WarningCode.NO_VARIABLE, f"No variable found with name '{name}'", span)


@compiles(Path)
def _path(compiler: ClosureCompiler, node: Path) -> Code:
    source, name, span = compiler.code(node.source), node.name, node.span

    def code(frame: Frame) -> Value:
        value = source(frame)
        if type(value) is dict and name in value:
            return value[name]
        return access.member(frame.run, span, value, name)

    return code


@compiles(ListLiteral)
def _list(compiler: ClosureCompiler, node: ListLiteral) -> Code:
    items = compiler.codes(node.items)
    return lambda frame: [item(frame) for item in items]


@compiles(ContextLiteral)
def _context(compiler: ClosureCompiler, node: ContextLiteral) -> Code:
    keys = [key for key, _ in node.entries]
    if len(set(keys)) < len(keys):
        span = node.span
        return lambda frame: frame.run.warn(
            WarningCode.INVALID_LITERAL, "A key of the context stands twice", span
        )
    entries: list[tuple[str, int, Code, bool]] = []
    known = compiler.bindings.open_level()
    for key, value in node.entries:
        recursive = isinstance(value, FunctionLiteral)
        slot = compiler.bindings.new_slot()
        if recursive:
            known[key] = slot
        entries.append((key, slot, compiler.code(value), recursive))
        known[key] = slot
    compiler.bindings.close_level()
    return _context_code(tuple(entries))


def _context_code(entries: tuple[tuple[str, int, Code, bool], ...]) -> Code:
    def code(frame: Frame) -> Value:
        slots = frame.slots
        context = {}
        for key, slot, value, recursive in entries:
            entry = context[key] = slots[slot] = value(frame)
            if recursive and entry is not None:
                entry.body.slots[slot] = entry
        return context

    return code
