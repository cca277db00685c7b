"""Where an expression stands, and how values meet declared types there."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from taskloom.dmn.model import Definitions, Literal
from taskloom.dmn.texts import Code, Complain, Tests, Text, Texts
from taskloom.dmn.trace import fault
from taskloom.dmn.types import TypeTable
from taskloom.feel import ANY, MISMATCH, FeelType, NameTable, Run, Scope, SimpleType, Value, coerce
from taskloom.feel.values import NUMBERS

_QUICK: Final = {"number": NUMBERS, "string": frozenset({str}), "boolean": frozenset({bool})}
_NONE: Final[frozenset[type]] = frozenset()


class Place(NamedTuple):
    """The model around an expression, the names known there, and who hears of problems."""

    model: Definitions
    texts: Texts
    types: TypeTable
    names: NameTable
    complain: Complain

    def type_of(self, reference: str | None, line: int) -> FeelType:
        """The type that a reference at this place means."""
        return self.types.of_reference(self.model, reference, line)

    def members_of(self, reference: str | None, line: int) -> NameTable | None:
        """The names that may follow a dot after a value of the type that a reference means."""
        return self.types.members(self.type_of(reference, line))

    def knowing(self, names: Mapping[str, NameTable | None]) -> "Place":
        """The same place with more names."""
        return self._replace(names=self.names.with_names(names))

    def text(self, literal: Literal) -> Text:
        """An expression in FEEL; other languages are refused."""
        if literal.language and "FEEL" not in literal.language.upper():
            message = f"the expression language '{literal.language}' is not supported"
            self.complain(message, literal.line)
            return Text(lambda run, _scope: fault(run, "language", message, literal.line))
        return self.texts.expression(literal.text, self.names, literal.line, self.complain)

    def tests(self, literal: Literal) -> Tests:
        """The unary tests of an input entry."""
        return self.texts.tests(literal.text, self.names, literal.line, self.complain)


def typed(code: Code, kind: FeelType, line: int) -> Code:
    """The code with its value coerced; what does not fit is null and a fault."""
    if kind is ANY:
        return code
    quick = quick_types(kind)

    def checked(run: Run, scope: Scope) -> Value:
        value = code(run, scope)
        return value if type(value) in quick else fitted(run, value, kind, line)

    return checked


def quick_types(kind: FeelType) -> frozenset[type]:
    """The Python types whose values certainly fit, so that most values need no closer look."""
    return _QUICK.get(kind.name, _NONE) if isinstance(kind, SimpleType) else _NONE


def fitted(run: Run, value: Value, kind: FeelType, line: int, what: str = "the value") -> Value:
    """The value as its type wants it; null and a fault when it does not fit."""
    found = coerce(value, kind)
    if found is MISMATCH:
        return fault(run, "type", f"{what} does not have the declared type", line)
    return found
