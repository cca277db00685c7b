"""Generated code of operators: arithmetic, comparison, logic, tests, intervals."""

from collections.abc import Callable
from functools import partial
from typing import Final

from taskloom.feel import arithmetic, iso, ordering
from taskloom.feel.bindings import mentions
from taskloom.feel.closure_operators import INPUT_NAME
from taskloom.feel.codegen import Generator, Operand, generates, int_checks, may_be_int
from taskloom.feel.diagnostics import WarningCode
from taskloom.feel.dialect import Dialect
from taskloom.feel.nodes import (
    AtLiteral,
    Between,
    Binary,
    ComparisonRange,
    Constant,
    Expr,
    In,
    InstanceOf,
    Interval,
    Literal,
    Negation,
    UnaryTests,
)
from taskloom.feel.type_system import resolve
from taskloom.feel.values import Range, Value

_IN_LINE: Final = ("+", "-", "*")


@generates(Binary)
def _binary(generator: Generator, node: Binary) -> Operand:
    if node.operator in ("and", "or"):
        return _logic(generator, node)
    left = generator.operand(node.left)
    right = generator.operand(node.right)
    span = generator.out.span(node.span)
    if node.operator in ("=", "!="):
        return _equality(generator, node.operator, left, right, span)
    if node.operator in ordering.OPERATIONS:
        return compared(generator, node.operator, left, right, span)
    slow = f"do_{arithmetic.OPERATIONS[node.operator].__name__}(run, {span}, {left.text}, {right.text})"
    if node.operator not in _IN_LINE or not may_be_int(left, right):
        return Operand(generator.out.keep(slow))
    return _integer_arithmetic(generator, node.operator, left, right, slow)


def _integer_arithmetic(generator: Generator, sign: str, left: Operand, right: Operand, slow: str) -> Operand:
    out, name = generator.out, generator.out.name("t")
    with out.block(f"if {int_checks(left, right) or True}:"):
        out.line(f"{name} = {left.text} {sign} {right.text}")
        out.line(f"if not LOW < {name} < HIGH: {name} = bounded({name})")
    out.line(f"else: {name} = {slow}")
    return Operand(name)


def compared(generator: Generator, sign: str, left: Operand, right: Operand, span: str) -> Operand:
    """An ordering, in line for integers."""
    slow = f"do_{ordering.OPERATIONS[sign].__name__}(run, {span}, {left.text}, {right.text})"
    checks = int_checks(left, right)
    if not checks or not may_be_int(left, right):
        return Operand(generator.out.keep(slow), truth=True)
    return Operand(generator.out.keep(f"{left.text} {sign} {right.text} if {checks} else {slow}"), truth=True)


def _equality(generator: Generator, sign: str, left: Operand, right: Operand, span: str | None) -> Operand:
    slow = _slow_equality(sign, left, right, span)
    if left.constant is not None:
        left, right = right, left
    python = "==" if sign == "=" else "!="
    if right.constant is not None and right.constant.value is None:
        text = f"{left.text} is {'' if sign == '=' else 'not '}None"
    elif right.is_string():
        text = f"{left.text} {python} {right.text} if T({left.text}) is STR else {slow}"
    elif right.is_int():
        text = f"{left.text} {python} {right.text} if T({left.text}) is INT else {slow}"
    else:
        text = slow
    return Operand(generator.out.keep(text), truth=True)


def _slow_equality(sign: str, left: Operand, right: Operand, span: str | None) -> str:
    """An operator warns when the kinds differ, so it has a place; a test does not."""
    if span is not None:
        return f"{'equal' if sign == '=' else 'unequal'}(run, {span}, {left.text}, {right.text})"
    slow = f"equals(run, {left.text}, {right.text})"
    return slow if sign == "=" else f"negated({slow})"


def _logic(generator: Generator, node: Binary) -> Operand:
    decisive, neutral = ("False", "True") if node.operator == "and" else ("True", "False")
    combine = "both" if node.operator == "and" else "either"
    out = generator.out
    left = generator.operand(node.left)
    name = out.name("t")
    with out.block(f"if {left.text} is {decisive}:"):
        out.line(f"{name} = {decisive}")
    with out.block("else:"):
        right = generator.operand(node.right)
        sure = "" if right.truth else f" and T({right.text}) is BOOL"
        slow = f"{combine}({left.text}, {right.text})"
        out.line(f"{name} = {right.text} if {left.text} is {neutral}{sure} else {slow}")
    return Operand(name, truth=True)


@generates(Negation)
def _negation(generator: Generator, node: Negation) -> Operand:
    operand = generator.operand(node.operand)
    text = f"negate(run, {generator.out.span(node.span)}, {operand.text})"
    return Operand(generator.out.keep(text))


@generates(Between)
def _between(generator: Generator, node: Between) -> Operand:
    value, low, high = generator.operands((node.value, node.low, node.high))
    span = generator.out.span(node.span)
    slow = f"between(run, {span}, {value.text}, {low.text}, {high.text})"
    checks = int_checks(value, low, high)
    if not checks or not may_be_int(value, low, high):
        return Operand(generator.out.keep(slow), truth=True)
    text = f"{low.text} <= {value.text} <= {high.text} if {checks} else {slow}"
    return Operand(generator.out.keep(text), truth=True)


@generates(Interval)
def _interval(generator: Generator, node: Interval) -> Operand:
    start, end = generator.operands((node.start, node.end))
    span = generator.out.span(node.span)
    flags = f"{bool(node.start_included)}, {bool(node.end_included)}"
    return Operand(generator.out.keep(f"interval(run, {span}, {start.text}, {end.text}, {flags})"))


@generates(ComparisonRange)
def _comparison_range(generator: Generator, node: ComparisonRange) -> Operand:
    operand = generator.operand(node.operand)
    sign = generator.out.constant(node.operator)
    return Operand(generator.out.keep(f"comparison_range({sign}, {operand.text})"))


@generates(AtLiteral)
def _at_literal(generator: Generator, node: AtLiteral) -> Operand:
    value = iso.read_any(node.text, lenient=generator.dialect is Dialect.CAMUNDA)
    if value is not None:
        return Operand(generator.out.constant(value))
    code = generator.out.constant(WarningCode.INVALID_LITERAL)
    message = generator.out.constant(f"'{node.text}' is no date, time or duration")
    return Operand(generator.out.keep(f"run.warn({code}, {message}, {generator.out.span(node.span)})"))


@generates(InstanceOf)
def _instance_of(generator: Generator, node: InstanceOf) -> Operand:
    kind = resolve(node.type, generator.types)
    if kind is None:
        code = generator.out.constant(WarningCode.INVALID_TYPE)
        message = generator.out.constant("The type is not known")
        return Operand(generator.out.keep(f"run.warn({code}, {message}, {generator.out.span(node.span)})"))
    value = generator.operand(node.value)
    text = f"conforms({value.text}, {generator.out.constant(kind)})"
    return Operand(generator.out.keep(text), truth=True)


@generates(In)
def _in(generator: Generator, node: In) -> Operand:
    value = generator.operand(node.value)
    span = generator.out.span(node.span)
    if len(node.tests) == 1:
        return _contained(generator, value, node.tests[0], span)
    return _any_of(generator, [partial(_contained, generator, value, test, span) for test in node.tests])


def _contained(generator: Generator, value: Operand, test: Expr, span: str) -> Operand:
    if isinstance(test, ComparisonRange):
        operand = generator.operand(test.operand)
        if test.operator in ("=", "!="):
            return _equality(generator, test.operator, value, operand, None)
        return compared(generator, test.operator, value, operand, span)
    container = generator.operand(test)
    slow = f"contained(run, {span}, {value.text}, {container.text})"
    fast = _fast_containment(generator, value, container.constant)
    return Operand(generator.out.keep(f"{fast} else {slow}" if fast else slow), truth=True)


def _fast_containment(
    generator: Generator, value: Operand, container: Literal | Constant | None
) -> str | None:
    """`... if <check>` for a constant list of strings or integers, or a range of integers."""
    if container is None:
        return None
    members: Value = container.value
    if type(members) is list and members:
        for kind, word in ((str, "STR"), (int, "INT")):
            if all(type(member) is kind for member in members):
                known = generator.out.constant(frozenset(members))
                return f"{value.text} in {known} if T({value.text}) is {word}"
    if (
        type(members) is Range
        and members.form == ".."
        and type(members.start) is int
        and type(members.end) is int
    ):
        low = "<=" if members.start_included else "<"
        high = "<=" if members.end_included else "<"
        start, end = generator.out.constant(members.start), generator.out.constant(members.end)
        return f"{start} {low} {value.text} {high} {end} if T({value.text}) is INT"
    return None


def _any_of(generator: Generator, tests: list[Callable[[], Operand]]) -> Operand:
    """Three-valued or of tests, each evaluated only while none was true."""
    out, name = generator.out, generator.out.name("t")
    first = tests[0]()
    out.line(f"{name} = {first.text}" if first.truth else f"{name} = either(False, {first.text})")
    for test in tests[1:]:
        with out.block(f"if {name} is not True:"):
            found = test()
            out.line(f"{name} = either({name}, {found.text})")
    return Operand(name, truth=True)


@generates(UnaryTests)
def _unary_tests(generator: Generator, node: UnaryTests) -> Operand:
    with generator.bindings.names((INPUT_NAME,)) as (slot,):
        assert slot == 0, "the input is the first slot, where `Compiled.matches` puts it"
        if not node.tests:
            return Operand("True", truth=True)
        found = _any_of(generator, [partial(_test, generator, test) for test in node.tests])
    return Operand(generator.out.keep(f"negated({found.text})"), truth=True) if node.negated else found


def _test(generator: Generator, node: Expr) -> Operand:
    span, value = generator.out.span(node.span), Operand("v0")
    if isinstance(node, ComparisonRange | Literal):
        return _contained(generator, value, node, span)
    if not mentions(node, INPUT_NAME):
        outcome = generator.operand(node)
        fast = _fast_containment(generator, value, outcome.constant)
        slow = f"passes(run, {span}, v0, {outcome.text})"
        return Operand(generator.out.keep(f"{fast} else {slow}" if fast else slow), truth=True)
    outcome = generator.operand(node)
    if outcome.truth:
        return outcome
    text = outcome.text
    slow = f"contained(run, {span}, v0, {text})"
    return Operand(
        generator.out.keep(f"{text} if {text} is None or T({text}) is BOOL else {slow}"), truth=True
    )
