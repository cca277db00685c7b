"""FEEL texts of a model become code; the one place where this package meets the FEEL compiler.

A text that is no FEEL becomes a problem of the model and code that gives null, so that one bad cell does not
take the whole model with it; whoever deploys a model looks at the problems first.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from taskloom.dmn.trace import fault
from taskloom.feel import (
    Compiled,
    Dialect,
    FeelSyntaxError,
    FeelType,
    NameTable,
    Run,
    Scope,
    Value,
    compile_expression,
    compile_unary_tests,
)
from taskloom.feel.nodes import Constant, Expr, Literal, Name

GENERATED_MAX: Final = 2_000
"""How many expressions of a model become generated Python: it runs faster, and takes longer to make."""

_CHEAP: Final = (Literal, Constant, Name)

Code = Callable[[Run, Scope], Value]
Test = Callable[[Run, Scope, Value], Value]
Complain = Callable[[str, int], None]


class Text(msgspec.Struct, frozen=True):
    """A compiled expression, with its tree; no tree when the text is no FEEL."""

    code: Code
    tree: Expr | None = None


class Tests(msgspec.Struct, frozen=True):
    """Compiled unary tests: code that also takes the input value."""

    code: Test
    tree: Expr | None = None


class Texts:
    """Compiles the texts of one model: its types and dialect are known here."""

    def __init__(self, dialect: Dialect, types: dict[str, FeelType]) -> None:
        self.dialect = dialect
        self.types = types
        self._generated = 0

    def expression(self, text: str, names: NameTable, line: int, complain: Complain) -> Text:
        """An expression; blank text is null."""
        if not text.strip():
            return Text(lambda _run, _scope: None)
        try:
            compiled = compile_expression(text, names, self.dialect, types=self.types)
        except FeelSyntaxError as error:
            message = _refusal(text, error, line, complain)
            return Text(lambda run, _scope: fault(run, "syntax", message, line))
        if not isinstance(compiled.expr, _CHEAP) and self._generated < GENERATED_MAX:
            self._generated += 1
            compiled = compile_expression(
                compiled.expr, names, self.dialect, types=self.types, mode="generated"
            )
        return Text(_without_input(compiled), compiled.expr)

    def tests(self, text: str, names: NameTable, line: int, complain: Complain) -> Tests:
        """Unary tests; blank text is a dash."""
        try:
            compiled = compile_unary_tests(text.strip() or "-", names, self.dialect, types=self.types)
        except FeelSyntaxError as error:
            message = _refusal(text, error, line, complain)
            return Tests(lambda run, _scope, _value: fault(run, "syntax", message, line))
        return Tests(compiled.code, compiled.expr)


def _without_input(compiled: Compiled) -> Code:
    code = compiled.code
    return lambda run, scope: code(run, scope, None)


def _refusal(text: str, error: FeelSyntaxError, line: int, complain: Complain) -> str:
    message = f"'{text.strip()[:80]}' is no FEEL: {error}"
    complain(message, line)
    return message
