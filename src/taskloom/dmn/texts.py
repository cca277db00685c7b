"""FEEL texts of a model become code; the one place where this package meets the FEEL compiler.

A text that is no FEEL becomes a problem of the model and code that gives null, so that one bad cell does not
take the whole model with it; whoever deploys a model looks at the problems first.
"""

from collections.abc import Callable, Mapping

import msgspec

from taskloom.dmn.trace import fault
from taskloom.feel.closures import ClosureCompiler, Frame
from taskloom.feel.dialect import Dialect
from taskloom.feel.diagnostics import FeelSyntaxError
from taskloom.feel.names import NameTable
from taskloom.feel.nodes import Expr, UnaryTests
from taskloom.feel.parser import parse, parse_unary_tests
from taskloom.feel.run import Run
from taskloom.feel.type_system import FeelType
from taskloom.feel.values import Scope, Value

Code = Callable[[Run, Scope], Value]
Complain = Callable[[str, int], None]


class Text(msgspec.Struct, frozen=True):
    """Compiled text, with its tree; no tree when the text is no FEEL."""

    code: Code
    tree: Expr | None = None


class Texts:
    """Compiles the texts of one model: its types and dialect are known here."""

    def __init__(self, dialect: Dialect, types: Mapping[str, FeelType]) -> None:
        self.dialect = dialect
        self._types = types

    def expression(self, text: str, names: NameTable, line: int, complain: Complain) -> Text:
        """An expression; blank text is null."""
        if not text.strip():
            return Text(lambda _run, _scope: None)
        return self._compiled(text, names, line, complain, parse)

    def tests(self, text: str, names: NameTable, line: int, complain: Complain) -> Text:
        """Unary tests on the value named `?` in the scope; blank text is a dash."""
        return self._compiled(text.strip() or "-", names.with_names(["?"]), line, complain, parse_unary_tests)

    def _compiled(
        self,
        text: str,
        names: NameTable,
        line: int,
        complain: Complain,
        read: Callable[[str, NameTable, Dialect], Expr],
    ) -> Text:
        try:
            tree = read(text, names, self.dialect)
        except FeelSyntaxError as error:
            message = f"'{text[:80]}' is no FEEL: {error}"
            complain(message, line)
            return Text(lambda run, _scope: fault(run, "syntax", message, line))
        compiler = ClosureCompiler(self.dialect, self._types)
        code, slots = compiler.code(tree), compiler.bindings.size
        if not slots:
            return Text(lambda run, scope: code(Frame(run, scope, [])), tree)
        return Text(lambda run, scope: code(Frame(run, scope, [None] * slots)), tree)


def is_dash(tree: Expr | None) -> bool:
    """Whether tests accept every value."""
    return isinstance(tree, UnaryTests) and not tree.tests
