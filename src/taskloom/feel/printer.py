"""Trees back to text: what is printed and parsed again, with the same names known, is the same tree."""

from collections.abc import Callable
from typing import Any, Final

from taskloom.feel import decimals
from taskloom.feel.dialect import Dialect
from taskloom.feel.names import is_identifier
from taskloom.feel.nodes import (
    AtLiteral,
    Between,
    Binary,
    Call,
    ComparisonRange,
    Constant,
    ContextLiteral,
    Expr,
    Filter,
    For,
    FunctionLiteral,
    If,
    In,
    InstanceOf,
    Interval,
    Iterator,
    ListLiteral,
    Literal,
    Name,
    NamedCall,
    Negation,
    Path,
    Quantified,
    UnaryTests,
)
from taskloom.feel.text import quoted
from taskloom.feel.type_system import (
    ConstrainedType,
    ContextType,
    FeelType,
    FunctionType,
    ListType,
    NamedType,
    RangeType,
    SimpleType,
)

_STRENGTH: Final = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 5, "**": 6}
_COMPARISON, _ADDITIVE, _NEGATION, _INSTANCE, _POSTFIX, _ATOM = 3, 4, 7, 8, 9, 10
_WORDS: Final = {None: "null", True: "true", False: "false"}


def to_text(node: Expr, dialect: Dialect = Dialect.DMN) -> str:
    """The text of an expression or of unary tests, with no more parentheses than needed."""
    return _Printer(dialect).text(node, 0)


def type_text(kind: FeelType) -> str:
    """The text of a type."""
    match kind:
        case SimpleType() | NamedType() | ConstrainedType():
            return kind.name
        case ListType():
            return f"list<{type_text(kind.item)}>"
        case RangeType():
            return f"range<{type_text(kind.item)}>"
        case ContextType(entries=()):
            return "context"
        case ContextType():
            return f"context<{', '.join(f'{name}: {type_text(part)}' for name, part in kind.entries)}>"
        case FunctionType():
            return f"function<{', '.join(map(type_text, kind.parameters))}>->{type_text(kind.result)}"
    return "Any"


class _Printer:
    """Prints nodes; `strength` says how tightly the place around a node binds."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def text(self, node: Expr, strength: int) -> str:
        own, text = _PRINTERS[type(node)](self, node)
        return f"({text})" if own < strength else text

    def name(self, name: str) -> str:
        if self.dialect is Dialect.CAMUNDA and not is_identifier(name):
            return f"`{name}`"
        return name

    def listed(self, nodes: tuple[Expr, ...]) -> str:
        return ", ".join(self.text(node, 0) for node in nodes)

    def test(self, node: Expr) -> str:
        if isinstance(node, ComparisonRange):
            return f"{node.operator} {self.text(node.operand, _ADDITIVE)}"
        return self.text(node, 0)

    def iterators(self, iterators: tuple[Iterator, ...]) -> str:
        return ", ".join(
            f"{self.name(it.name)} in {self.text(it.source, _ADDITIVE)}"
            + ("" if it.end is None else f"..{self.text(it.end, _ADDITIVE)}")
            for it in iterators
        )


Printed = tuple[int, str]


def _literal(_: _Printer, node: Literal) -> Printed:
    value = node.value
    if value is None or type(value) is bool:
        return _ATOM, _WORDS[value]
    return _ATOM, quoted(value) if type(value) is str else decimals.text_of(value)


def _context(printer: _Printer, node: ContextLiteral) -> Printed:
    entries = (
        f"{key if is_identifier(key) else quoted(key)}: {printer.text(value, 0)}"
        for key, value in node.entries
    )
    return _ATOM, f"{{{', '.join(entries)}}}"


def _interval(printer: _Printer, node: Interval) -> Printed:
    begin, end = "[" if node.start_included else "(", "]" if node.end_included else ")"
    ends = f"{printer.text(node.start, _ADDITIVE)}..{printer.text(node.end, _ADDITIVE)}"
    return _ATOM, f"{begin}{ends}{end}"


def _binary(printer: _Printer, node: Binary) -> Printed:
    own = _STRENGTH.get(node.operator, _COMPARISON)
    left, right = printer.text(node.left, own), printer.text(node.right, own + 1)
    return own, f"{left} {node.operator} {right}"


def _between(printer: _Printer, node: Between) -> Printed:
    low, high = printer.text(node.low, _ADDITIVE), printer.text(node.high, _ADDITIVE)
    return _COMPARISON, f"{printer.text(node.value, _COMPARISON)} between {low} and {high}"


def _in(printer: _Printer, node: In) -> Printed:
    tests = ", ".join(printer.test(test) for test in node.tests)
    return _COMPARISON, f"{printer.text(node.value, _COMPARISON)} in ({tests})"


def _unary_tests(printer: _Printer, node: UnaryTests) -> Printed:
    if not node.tests:
        return _ATOM, "-"
    tests = ", ".join(printer.test(test) for test in node.tests)
    if node.negated:
        return _ATOM, f"not({tests})"
    return _ATOM, f"({tests})" if len(node.tests) == 1 and tests.startswith("not(") else tests


def _call(printer: _Printer, node: Call) -> Printed:
    return _POSTFIX, f"{printer.text(node.function, _POSTFIX)}({printer.listed(node.arguments)})"


def _named_call(printer: _Printer, node: NamedCall) -> Printed:
    arguments = ", ".join(f"{name}: {printer.text(value, 0)}" for name, value in node.arguments)
    return _POSTFIX, f"{printer.text(node.function, _POSTFIX)}({arguments})"


def _if(printer: _Printer, node: If) -> Printed:
    condition, then, otherwise = (
        printer.text(part, 0) for part in (node.condition, node.then, node.otherwise)
    )
    return 0, f"if {condition} then {then} else {otherwise}"


def _for(printer: _Printer, node: For) -> Printed:
    return 0, f"for {printer.iterators(node.iterators)} return {printer.text(node.body, 0)}"


def _quantified(printer: _Printer, node: Quantified) -> Printed:
    word = "every" if node.every else "some"
    return 0, f"{word} {printer.iterators(node.iterators)} satisfies {printer.text(node.condition, 0)}"


def _function(printer: _Printer, node: FunctionLiteral) -> Printed:
    parameters = ", ".join(
        printer.name(part.name) + ("" if part.type is None else f": {type_text(part.type)}")
        for part in node.parameters
    )
    return 0, f"function({parameters}) {'external ' if node.external else ''}{printer.text(node.body, 0)}"


_PRINTERS: Final[dict[type[Expr], Callable[[_Printer, Any], Printed]]] = {
    Literal: _literal,
    Constant: lambda printer, node: _PRINTERS[type(node.origin)](printer, node.origin),
    AtLiteral: lambda _, node: (_ATOM, f"@{quoted(node.text)}"),
    Name: lambda printer, node: (_ATOM, printer.name(node.name)),
    ContextLiteral: _context,
    ListLiteral: lambda printer, node: (_ATOM, f"[{printer.listed(node.items)}]"),
    Interval: _interval,
    ComparisonRange: lambda printer, node: (_ATOM, f"({printer.test(node)})"),
    Negation: lambda printer, node: (_NEGATION, f"-{printer.text(node.operand, _NEGATION)}"),
    Binary: _binary,
    Between: _between,
    In: _in,
    UnaryTests: _unary_tests,
    Path: lambda printer, node: (
        _POSTFIX,
        f"{printer.text(node.source, _POSTFIX)}.{printer.name(node.name)}",
    ),
    Filter: lambda printer, node: (
        _POSTFIX,
        f"{printer.text(node.source, _POSTFIX)}[{printer.text(node.condition, 0)}]",
    ),
    Call: _call,
    NamedCall: _named_call,
    If: _if,
    For: _for,
    Quantified: _quantified,
    InstanceOf: lambda printer, node: (
        _INSTANCE,
        f"{printer.text(node.value, _INSTANCE)} instance of {type_text(node.type)}",
    ),
    FunctionLiteral: _function,
}
