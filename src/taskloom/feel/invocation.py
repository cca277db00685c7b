"""Calls of functions: built-in ones check themselves, others get arguments of the declared types."""

from collections.abc import Sequence
from typing import Final

from taskloom.feel.built_in import BuiltIn
from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.type_system import MISMATCH, coerce
from taskloom.feel.values import Function, Scope, Value


def _nothing(_run: Run, *_arguments: Value) -> None:
    return None


UNKNOWN: Final = Function((), _nothing, name="unknown")
"""What the name of a function stands for that does not exist; calling it gives null without more ado."""


def find_function(run: Run, span: Span, scope: Scope, name: str, fallback: BuiltIn | None) -> Value:
    """What a name means in a call: a variable, a function of the environment, a built-in one.

    A variable that is no function does not hide the built-in function of its name.
    """
    found = scope[name] if name in scope else run.env.functions.get(name)
    if fallback is not None and not isinstance(found, Function):
        return fallback
    if found is None:
        run.warn(WarningCode.NO_FUNCTION, f"No function found with name '{name}'", span)
        return UNKNOWN
    return found


def call(run: Run, span: Span, function: Value, arguments: Sequence[Value]) -> Value:
    """Calls a value with arguments by position."""
    if isinstance(function, BuiltIn):
        return function.call(run, span, arguments)
    if not isinstance(function, Function):
        return run.warn(WarningCode.NO_FUNCTION, f"'{describe(function)}' is no function", span)
    if function is UNKNOWN:
        return None
    if len(arguments) != len(function.parameters):
        wanted = len(function.parameters)
        return _refuse(run, span, function, f"it takes {wanted} arguments, not {len(arguments)}")
    if function.types:
        fitted = _coerced(function, arguments)
        if fitted is None:
            return _refuse(run, span, function, "an argument does not have the declared type")
        arguments = fitted
    return _enter(run, span, function, arguments)


def call_named(
    run: Run, span: Span, function: Value, names: Sequence[str], arguments: Sequence[Value]
) -> Value:
    """Calls a value with arguments by name; each must be given once, or is null in the Camunda dialect."""
    if isinstance(function, BuiltIn):
        return function.call_named(run, span, names, arguments)
    if not isinstance(function, Function):
        return run.warn(WarningCode.NO_FUNCTION, f"'{describe(function)}' is no function", span)
    if function is UNKNOWN:
        return None
    given = dict(zip(names, arguments, strict=True))
    if run.camunda:
        given = {**dict.fromkeys(function.parameters), **given}
    if given.keys() != set(function.parameters) or len(set(names)) != len(names):
        return _refuse(run, span, function, f"its parameters are {', '.join(function.parameters)}")
    return call(run, span, function, [given[name] for name in function.parameters])


def _coerced(function: Function, arguments: Sequence[Value]) -> list[Value] | None:
    fitted = [
        value if kind is None else coerce(value, kind)
        for value, kind in zip(arguments, function.types, strict=True)
    ]
    return None if any(value is MISMATCH for value in fitted) else fitted


def _enter(run: Run, span: Span, function: Function, arguments: Sequence[Value]) -> Value:
    run.enter()
    value = function.body(run, *arguments)
    run.leave()
    if function.result_type is None:
        return value
    fitted = coerce(value, function.result_type)
    if fitted is MISMATCH:
        return _refuse(run, span, function, "the result does not have the declared type")
    return fitted


def _refuse(run: Run, span: Span, function: Function, reason: str) -> None:
    name = function.name or "function"
    run.warn(WarningCode.FUNCTION_FAILED, f"Failed to invoke function '{name}': {reason}", span)
