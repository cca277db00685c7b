"""Closures for `if`, filters, loops, quantifiers, function literals and calls."""

from collections.abc import Callable

from taskloom.feel import access, invocation, logic
from taskloom.feel.bindings import FREE, cost_of, is_position, is_truth, mentions
from taskloom.feel.built_in import BuiltIn
from taskloom.feel.closures import ClosureCompiler, Code, Frame, compiles
from taskloom.feel.diagnostics import Span
from taskloom.feel.external import external
from taskloom.feel.inference import result_type
from taskloom.feel.nodes import (
    Call,
    Expr,
    Filter,
    For,
    FunctionLiteral,
    If,
    Iterator,
    Name,
    NamedCall,
    Quantified,
)
from taskloom.feel.run import Run
from taskloom.feel.type_system import resolve
from taskloom.feel.values import Function, Value

Level = tuple[int, Code, Code | None, Span]


@compiles(If)
def _if(compiler: ClosureCompiler, node: If) -> Code:
    condition, then, otherwise = compiler.codes((node.condition, node.then, node.otherwise))
    return lambda frame: then(frame) if condition(frame) is True else otherwise(frame)


@compiles(Filter)
def _filter(compiler: ClosureCompiler, node: Filter) -> Code:
    source, span, cost = compiler.code(node.source), node.span, cost_of(node.condition)
    if is_position(node.condition):
        position = compiler.code(node.condition)
        return lambda frame: access.item_at(frame.run, span, source(frame), position(frame))
    with compiler.bindings.item() as slot:
        condition = compiler.code(node.condition)
    truth = is_truth(node.condition)

    def code(frame: Frame) -> Value:
        slots, items = frame.slots, source(frame)

        def holds(item: Value) -> Value:
            slots[slot] = item
            return condition(frame)

        if not truth and items == []:
            return access.select_from_nothing(frame.run, span, holds)
        return access.select(frame.run, span, items, holds, cost)

    return code


@compiles(For)
def _for(compiler: ClosureCompiler, node: For) -> Code:
    levels, names = _levels(compiler, node.iterators)
    compiler.bindings.open_level().update(names)
    with compiler.bindings.names(("partial",)) as (partial,):
        body, cost = compiler.code(node.body), cost_of(node.body)
    compiler.bindings.close_level()
    keeps_partial = mentions(node.body, "partial")

    def code(frame: Frame) -> Value:
        results: list[Value] = []

        def step() -> bool:
            frame.run.spend(cost)
            if keeps_partial:
                frame.run.spend(len(results))
                frame.slots[partial] = results.copy()
            results.append(body(frame))
            return False

        fine = _nest(frame, levels, 0, step) is not None
        frame.run.check_items(len(results))
        return results if fine else None

    return code


@compiles(Quantified)
def _quantified(compiler: ClosureCompiler, node: Quantified) -> Code:
    levels, names = _levels(compiler, node.iterators)
    compiler.bindings.open_level().update(names)
    condition, cost = compiler.code(node.condition), cost_of(node.condition)
    compiler.bindings.close_level()
    combine = logic.both if node.every else logic.either
    decided = not node.every

    def code(frame: Frame) -> Value:
        outcome: bool | None = node.every

        def step() -> bool:
            nonlocal outcome
            frame.run.spend(cost)
            outcome = combine(outcome, condition(frame))
            return outcome is decided

        return outcome if _nest(frame, levels, 0, step) is not None else None

    return code


def _levels(
    compiler: ClosureCompiler, iterators: tuple[Iterator, ...]
) -> tuple[tuple[Level, ...], dict[str, int]]:
    levels: list[Level] = []
    known = compiler.bindings.open_level()
    for iterator in iterators:
        source = compiler.code(iterator.source)
        end = None if iterator.end is None else compiler.code(iterator.end)
        slot = compiler.bindings.new_slot()
        levels.append((slot, source, end, iterator.source.span))
        known[iterator.name] = slot
    compiler.bindings.close_level()
    return tuple(levels), known


def _nest(frame: Frame, levels: tuple[Level, ...], depth: int, step: Callable[[], bool]) -> bool | None:
    """Runs the step for every combination until it says stop; None when a source cannot be iterated."""
    if depth == len(levels):
        return step()
    slot, source, end, span = levels[depth]
    if end is None:
        items = access.items_of(frame.run, span, source(frame))
    else:
        items = access.counted(frame.run, span, source(frame), end(frame))
    if items is None:
        return None
    for item in items:
        frame.slots[slot] = item
        stop = _nest(frame, levels, depth + 1, step)
        if stop is not False:
            return stop
    return False


class ClosureBody:
    """What a function literal runs: its code with the slots of the place where it was made."""

    __slots__ = ("code", "parameters", "scope", "slots")

    def __init__(self, frame: Frame, parameters: tuple[int, ...], code: Code) -> None:
        self.scope = frame.scope
        self.slots = frame.slots.copy()
        self.parameters = parameters
        self.code = code

    def __call__(self, run: Run, *arguments: Value) -> Value:
        """Runs the code in a frame of its own."""
        slots = self.slots.copy()
        for slot, argument in zip(self.parameters, arguments, strict=True):
            slots[slot] = argument
        return self.code(Frame(run, self.scope, slots))


@compiles(FunctionLiteral)
def _function(compiler: ClosureCompiler, node: FunctionLiteral) -> Code:
    span = node.span
    names = tuple(parameter.name for parameter in node.parameters)
    if node.external:
        mapping = compiler.code(node.body)
        return lambda frame: external(frame.run, span, names, mapping(frame))
    with compiler.bindings.names(names) as slots:
        body = compiler.code(node.body)
    resolved = tuple(
        None if parameter.type is None else resolve(parameter.type, compiler.types)
        for parameter in node.parameters
    )
    types = resolved if any(kind is not None for kind in resolved) else ()
    result = result_type(node.body, dict(zip(names, resolved, strict=True)))
    return lambda frame: Function(names, ClosureBody(frame, slots, body), types=types, apparent_type=result)


@compiles(Call)
def _call(compiler: ClosureCompiler, node: Call) -> Code:
    arguments, span = compiler.codes(node.arguments), node.span
    known = direct(compiler, node.function)
    if known is not None:
        return lambda frame: known.call(frame.run, span, [argument(frame) for argument in arguments])
    function = _callee(compiler, node.function)

    def code(frame: Frame) -> Value:
        target = function(frame)
        return invocation.call(frame.run, span, target, [argument(frame) for argument in arguments])

    return code


@compiles(NamedCall)
def _named_call(compiler: ClosureCompiler, node: NamedCall) -> Code:
    names = tuple(name for name, _ in node.arguments)
    arguments = compiler.codes(tuple(value for _, value in node.arguments))
    function, span = _callee(compiler, node.function), node.span

    def code(frame: Frame) -> Value:
        target = function(frame)
        return invocation.call_named(
            frame.run, span, target, names, [argument(frame) for argument in arguments]
        )

    return code


def direct(compiler: ClosureCompiler, node: Expr) -> BuiltIn | None:
    """The built-in function that a call certainly means: its name is no name of the model or of the text."""
    if not isinstance(node, Name) or not node.built_in:
        return None
    return compiler.built_ins.get(node.name)


def _callee(compiler: ClosureCompiler, node: Expr) -> Code:
    known = direct(compiler, node)
    if known is not None:
        return lambda _: known
    code = compiler.code(node)
    if not isinstance(node, Name):
        return code
    name, span, fallback = node.name, node.span, compiler.built_ins.get(node.name)
    if compiler.bindings.find(name) == FREE:
        return lambda frame: invocation.find_function(frame.run, span, frame.scope, name, fallback)
    return lambda frame: callee(code(frame), fallback)


def callee(value: Value, fallback: BuiltIn | None) -> Value:
    """What a local name means in a call: one that is no function does not hide the built-in of its name."""
    return fallback if fallback is not None and not isinstance(value, Function) else value
