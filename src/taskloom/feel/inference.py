"""The type of a function literal's result, as far as its text tells: only `instance of` asks for it."""

from collections.abc import Mapping
from typing import Final

from taskloom.feel.bindings import is_truth
from taskloom.feel.nodes import AtLiteral, Binary, Constant, Expr, If, Literal, Name, Negation
from taskloom.feel.type_system import BOOLEAN, BUILT_IN, NULL, NUMBER, STRING, FeelType
from taskloom.feel.values import kind_of

_ARITHMETIC: Final = frozenset(("+", "-", "*", "/", "**"))


def result_type(body: Expr, parameters: Mapping[str, FeelType | None]) -> FeelType | None:
    """The type of an expression over typed names; None when it is not known."""
    if is_truth(body):
        return BOOLEAN
    if isinstance(body, Literal | Constant | AtLiteral):
        return _constant_type(body)
    if isinstance(body, Name):
        return parameters.get(body.name)
    if isinstance(body, Negation):
        inner = result_type(body.operand, parameters)
        return NUMBER if inner == NUMBER else None
    if isinstance(body, If):
        then, otherwise = result_type(body.then, parameters), result_type(body.otherwise, parameters)
        return then if then == otherwise else None
    if isinstance(body, Binary) and body.operator in _ARITHMETIC:
        left, right = result_type(body.left, parameters), result_type(body.right, parameters)
        if left == right and (left == NUMBER or (left == STRING and body.operator == "+")):
            return left
    return None


def _constant_type(node: Literal | Constant | AtLiteral) -> FeelType | None:
    if isinstance(node, AtLiteral):
        return None
    return NULL if node.value is None else BUILT_IN.get(kind_of(node.value))
