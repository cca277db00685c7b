"""Boxed expressions become code: a function of the run and the scope.

Each kind of expression gives what the FEEL expression of the same meaning gives; what differs stands at the
kind: a conditional whose condition is no boolean is null, and so is a filter whose match is none.
"""

from collections.abc import Callable
from typing import Any, Final

from taskloom.dmn.model import (
    Conditional,
    Context,
    DecisionTable,
    Expression,
    Filter,
    For,
    FunctionDefinition,
    Invocation,
    ListOf,
    Literal,
    Quantified,
    Relation,
    Variable,
    texts_of,
)
from taskloom.dmn.place import Place, typed
from taskloom.dmn.shape import shape_of
from taskloom.dmn.table import compile_table
from taskloom.dmn.texts import Code
from taskloom.dmn.trace import fault
from taskloom.feel import (
    ANY,
    NO_SPAN,
    FeelType,
    Function,
    FunctionType,
    NameTable,
    Run,
    Scope,
    Value,
    WarningCode,
    access,
    call_named,
    logic,
)
from taskloom.feel.external import external

_FUNCTION_KINDS: Final = frozenset({"FEEL", ""})


def compile_expression(expression: Expression, place: Place) -> Code:
    """Code for the expression, its value coerced to the declared type."""
    kind = place.type_of(expression.type_ref, expression.line)
    if isinstance(expression, FunctionDefinition):
        return compile_function(expression, place, kind)
    return typed(_COMPILERS[type(expression)](expression, place), kind, expression.line)


def compile_function(
    definition: FunctionDefinition, place: Place, kind: FeelType = ANY, name: str = ""
) -> Code:
    """Code that makes the function, closed over the scope in which it is evaluated."""
    if definition.kind == "Java" and definition.body is not None:
        return _external(definition, definition.body, place)
    if definition.kind not in _FUNCTION_KINDS or definition.body is None:
        message = f"a function of kind '{definition.kind}' without FEEL body is not supported"
        place.complain(message, definition.line)
        return lambda run, _scope: fault(run, "function", message, definition.line)
    names = tuple(parameter.name for parameter in definition.parameters)
    types = parameter_types(definition, place, kind)
    inner = place.knowing(
        {
            parameter.name: place.members_of(parameter.type_ref, parameter.line)
            for parameter in definition.parameters
        }
    )
    body = compile_expression(definition.body, inner)
    result = kind.result if isinstance(kind, FunctionType) and kind.result is not ANY else None

    def make(_run: Run, scope: Scope) -> Value:
        def call(run: Run, *arguments: Value) -> Value:
            return body(run, {**scope, **dict(zip(names, arguments, strict=True))})

        return Function(names, call, types=types, result_type=result, name=name)

    return make


def _external(definition: FunctionDefinition, body: Expression, place: Place) -> Code:
    """A function of Java's standard library, as far as FEEL knows it; the types come from its signature."""
    names = tuple(parameter.name for parameter in definition.parameters)
    mapping = compile_expression(body, place)
    return lambda run, scope: external(run, NO_SPAN, names, {"java": mapping(run, scope)})


def parameter_types(
    definition: FunctionDefinition, place: Place, kind: FeelType = ANY
) -> tuple[FeelType | None, ...]:
    """The types of the parameters: as declared, else from the type of the function; empty when none is."""
    declared = [place.type_of(parameter.type_ref, parameter.line) for parameter in definition.parameters]
    if isinstance(kind, FunctionType) and len(kind.parameters) == len(declared):
        pairs = zip(declared, kind.parameters, strict=True)
        declared = [outer if own is ANY else own for own, outer in pairs]
    types = tuple(None if own is ANY else own for own in declared)
    return types if any(own is not None for own in types) else ()


def _literal(expression: Literal, place: Place) -> Code:
    return place.text(expression).code


def _context(expression: Context, place: Place) -> Code:
    entries: list[tuple[str, Code]] = []
    for entry in expression.entries:
        variable = entry.variable
        inner = place
        if isinstance(entry.value, FunctionDefinition):
            inner = place.knowing({variable.name: None})
        kind = place.type_of(variable.type_ref, variable.line)
        entries.append((variable.name, typed(compile_expression(entry.value, inner), kind, entry.line)))
        place = place.knowing({variable.name: place.types.members(kind) or shape_of(entry.value, place)})
    result = None if expression.result is None else compile_expression(expression.result, place)

    def code(run: Run, scope: Scope) -> Value:
        known = dict(scope)
        context = {}
        for name, value in entries:
            context[name] = known[name] = value(run, known)
        return context if result is None else result(run, known)

    return code


def _list(expression: ListOf, place: Place) -> Code:
    items = [compile_expression(item, place) for item in expression.items]
    return lambda run, scope: [item(run, scope) for item in items]


def _relation(expression: Relation, place: Place) -> Code:
    kinds = [place.type_of(column.type_ref, column.line) for column in expression.columns]
    rows = [
        [
            (column.name, typed(compile_expression(cell, place), kind, cell.line))
            for column, kind, cell in zip(expression.columns, kinds, row, strict=True)
        ]
        for row in expression.rows
    ]
    return lambda run, scope: [{name: cell(run, scope) for name, cell in row} for row in rows]


def _invocation(expression: Invocation, place: Place) -> Code:
    callee = compile_expression(expression.callee, place)
    names = tuple(binding.parameter.name for binding in expression.bindings)
    values = [_argument(binding.parameter, binding.value, place) for binding in expression.bindings]
    line = expression.line

    def code(run: Run, scope: Scope) -> Value:
        function = callee(run, scope)
        if not isinstance(function, Function):
            return fault(run, "invocation", "what is invoked is no function", line)
        return call_named(run, NO_SPAN, function, names, [value(run, scope) for value in values])

    return code


def _argument(parameter: Variable, value: Expression | None, place: Place) -> Code:
    if value is None:
        return lambda _run, _scope: None
    return typed(
        compile_expression(value, place), place.type_of(parameter.type_ref, parameter.line), value.line
    )


def _conditional(expression: Conditional, place: Place) -> Code:
    condition = compile_expression(expression.condition, place)
    then = compile_expression(expression.then, place)
    otherwise = compile_expression(expression.otherwise, place)
    line = expression.line

    def code(run: Run, scope: Scope) -> Value:
        truth = condition(run, scope)
        if truth is True:
            return then(run, scope)
        if truth is False or truth is None:
            return otherwise(run, scope)
        return fault(run, "condition", "the condition is no boolean", line)

    return code


def _filter(expression: Filter, place: Place) -> Code:
    source = compile_expression(expression.source, place)
    known = shape_of(expression.source, place)
    members = {} if known is None else {name: known.members(name) for name in known.names()}
    match = compile_expression(expression.match, place.knowing({"item": known, **members}))

    def code(run: Run, scope: Scope) -> Value:
        items = source(run, scope)
        if items is None:
            return None
        chosen: list[Value] = []
        for item in access.as_list(items):
            run.spend(1)
            inner = {**scope, "item": item, **item} if type(item) is dict else {**scope, "item": item}
            truth = match(run, inner)
            if truth is True:
                chosen.append(item)
            elif truth is not False and truth is not None:
                message = "the match of a filter is no boolean"
                return run.warn(WarningCode.INVALID_TYPE, message, NO_SPAN)
        return chosen

    return code


def _for(expression: For, place: Place) -> Code:
    source = compile_expression(expression.source, place)
    name = expression.variable
    known = {name: _item_members(expression, place), "partial": None}
    result = compile_expression(expression.result, place.knowing(known))
    keeps_partial = any("partial" in text for text in texts_of(expression.result))

    def code(run: Run, scope: Scope) -> Value:
        items = access.items_of(run, NO_SPAN, source(run, scope))
        if items is None:
            return None
        results: list[Value] = []
        for item in items:
            run.spend(1)
            run.check_items(len(results) + 1)
            inner = {**scope, name: item}
            if keeps_partial:
                run.spend(len(results))
                inner["partial"] = results.copy()
            results.append(result(run, inner))
        return results

    return code


def _quantified(expression: Quantified, place: Place) -> Code:
    source = compile_expression(expression.source, place)
    name = expression.variable
    satisfies = compile_expression(
        expression.satisfies, place.knowing({name: _item_members(expression, place)})
    )
    every = expression.every
    combine = logic.both if every else logic.either

    def code(run: Run, scope: Scope) -> Value:
        items = access.items_of(run, NO_SPAN, source(run, scope))
        if items is None:
            return None
        outcome: bool | None = every
        for item in items:
            run.spend(1)
            outcome = combine(outcome, satisfies(run, {**scope, name: item}))
            if outcome is not every and outcome is not None:
                break
        return outcome

    return code


def _item_members(expression: For | Quantified, place: Place) -> NameTable | None:
    known = place.members_of(expression.variable_type, expression.line)
    return known or shape_of(expression.source, place)


_COMPILERS: Final[dict[type[Expression], Callable[[Any, Place], Code]]] = {
    Literal: _literal,
    Context: _context,
    ListOf: _list,
    Relation: _relation,
    Invocation: _invocation,
    Conditional: _conditional,
    Filter: _filter,
    For: _for,
    Quantified: _quantified,
    DecisionTable: compile_table,
}
