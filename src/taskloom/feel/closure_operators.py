"""Closures for operators: arithmetic, comparison, logic, tests, `instance of`, intervals."""

import operator
from collections.abc import Callable
from typing import Final

from taskloom.feel import arithmetic, logic, ordering
from taskloom.feel.bindings import mentions
from taskloom.feel.closures import ClosureCompiler, Code, Frame, compiles
from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.nodes import (
    Between,
    Binary,
    ComparisonRange,
    Expr,
    In,
    InstanceOf,
    Interval,
    Literal,
    Negation,
    UnaryTests,
)
from taskloom.feel.ranges import comparison_range, interval
from taskloom.feel.type_system import conforms, resolve
from taskloom.feel.values import Value

INPUT_NAME: Final = "?"
_FAST: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@compiles(Binary)
def _binary(compiler: ClosureCompiler, node: Binary) -> Code:
    left, right, span = compiler.code(node.left), compiler.code(node.right), node.span
    if node.operator in _FAST:
        return _ordering(left, right, span, ordering.OPERATIONS[node.operator], _FAST[node.operator])
    if node.operator == "=":
        return lambda frame: ordering.equal(frame.run, span, left(frame), right(frame))
    if node.operator == "!=":
        return lambda frame: ordering.unequal(frame.run, span, left(frame), right(frame))
    if node.operator == "and":
        return _and(left, right)
    if node.operator == "or":
        return _or(left, right)
    operation = arithmetic.OPERATIONS[node.operator]
    return lambda frame: operation(frame.run, span, left(frame), right(frame))


def _ordering(
    left: Code, right: Code, span: Span, slow: Callable[..., Value], fast: Callable[[int, int], bool]
) -> Code:
    def code(frame: Frame) -> Value:
        low, high = left(frame), right(frame)
        if type(low) is int and type(high) is int:
            return fast(low, high)
        return slow(frame.run, span, low, high)

    return code


def _and(left: Code, right: Code) -> Code:
    def code(frame: Frame) -> Value:
        first = left(frame)
        return False if first is False else logic.both(first, right(frame))

    return code


def _or(left: Code, right: Code) -> Code:
    def code(frame: Frame) -> Value:
        first = left(frame)
        return True if first is True else logic.either(first, right(frame))

    return code


@compiles(Negation)
def _negation(compiler: ClosureCompiler, node: Negation) -> Code:
    operand, span = compiler.code(node.operand), node.span
    return lambda frame: arithmetic.negate(frame.run, span, operand(frame))


@compiles(Between)
def _between(compiler: ClosureCompiler, node: Between) -> Code:
    value, low, high = compiler.codes((node.value, node.low, node.high))
    span = node.span
    return lambda frame: ordering.between(frame.run, span, value(frame), low(frame), high(frame))


@compiles(Interval)
def _interval(compiler: ClosureCompiler, node: Interval) -> Code:
    start, end = compiler.code(node.start), compiler.code(node.end)
    span, start_included, end_included = node.span, node.start_included, node.end_included
    return lambda frame: interval(frame.run, span, start(frame), end(frame), start_included, end_included)


@compiles(ComparisonRange)
def _comparison_range(compiler: ClosureCompiler, node: ComparisonRange) -> Code:
    sign, operand = node.operator, compiler.code(node.operand)
    return lambda frame: comparison_range(sign, operand(frame))


@compiles(InstanceOf)
def _instance_of(compiler: ClosureCompiler, node: InstanceOf) -> Code:
    value, span = compiler.code(node.value), node.span
    kind = resolve(node.type, compiler.types)
    if kind is None:
        return lambda frame: frame.run.warn(WarningCode.INVALID_TYPE, "The type is not known", span)
    return lambda frame: conforms(value(frame), kind)


@compiles(In)
def _in(compiler: ClosureCompiler, node: In) -> Code:
    value, span = compiler.code(node.value), node.span
    tests = compiler.codes(node.tests)
    if len(tests) == 1:
        container = tests[0]
        return lambda frame: ordering.contained(frame.run, span, value(frame), container(frame))

    def code(frame: Frame) -> Value:
        found = value(frame)
        outcome: bool | None = False
        for test in tests:
            outcome = logic.either(outcome, ordering.contained(frame.run, span, found, test(frame)))
            if outcome is True:
                return True
        return outcome

    return code


@compiles(UnaryTests)
def _unary_tests(compiler: ClosureCompiler, node: UnaryTests) -> Code:
    with compiler.bindings.names((INPUT_NAME,)) as (slot,):
        assert slot == 0, "the input is the first slot, where `Compiled.matches` puts it"
        tests = tuple(_test(compiler, test) for test in node.tests)
    if not tests:
        return lambda _: True

    def code(frame: Frame) -> Value:
        outcome: bool | None = False
        for test in tests:
            outcome = logic.either(outcome, test(frame))
            if outcome is True:
                break
        return ordering.negated(outcome) if node.negated else outcome

    return code


def _test(compiler: ClosureCompiler, node: Expr) -> Code:
    code, span = compiler.code(node), node.span
    if isinstance(node, Literal):
        return lambda frame: ordering.contained(frame.run, span, frame.slots[0], node.value)
    if not mentions(node, INPUT_NAME):
        return lambda frame: ordering.passes(frame.run, span, frame.slots[0], code(frame))

    def test(frame: Frame) -> Value:
        outcome = code(frame)
        if type(outcome) is bool or outcome is None:
            return outcome
        return ordering.contained(frame.run, span, frame.slots[0], outcome)

    return test
