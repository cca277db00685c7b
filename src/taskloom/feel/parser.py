"""The parser: operators by their binding strength (Pratt), operands by `FormReader`, in one pass.

From loose to tight: `or`; `and`; comparison, `between`, `in`; `+ -`; `* /`; `**` (to the left); unary minus;
`instance of`; path, filter and call.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from taskloom.feel.diagnostics import FeelSyntaxError, Position
from taskloom.feel.dialect import Dialect
from taskloom.feel.form_reader import FormReader
from taskloom.feel.limits import DEFAULT_LIMITS, Limits
from taskloom.feel.names import EMPTY, NAME_PART, NameTable
from taskloom.feel.nodes import (
    Between,
    Binary,
    Call,
    ComparisonRange,
    Expr,
    Filter,
    In,
    InstanceOf,
    NamedCall,
    Negation,
    Path,
    UnaryTests,
    children,
)
from taskloom.feel.type_system import FeelType

_OPERATOR: Final = re.compile(
    rf"\*\*|<=|>=|!=|[-+*/=<>]|(?:and|or|between|in)(?!{NAME_PART.pattern})",
)
_STRENGTH: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "between", "in"), 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "**": 6,
}
_ADDITIVE: Final = 4
_CONTINUES: Final = re.compile(rf"[\[(+*/-]|\.(?!\.)|instance(?!{NAME_PART.pattern})")

Names = NameTable | Iterable[str]
Node = TypeVar("Node")


def parse(
    text: str, names: Names = (), dialect: Dialect = Dialect.DMN, *, limits: Limits = DEFAULT_LIMITS
) -> Expr:
    """The tree of an expression; `FeelSyntaxError` says where the text is none."""
    parser = _parser(text, names, dialect, limits)
    return parser.whole(parser.expression)


def parse_unary_tests(
    text: str, names: Names = (), dialect: Dialect = Dialect.DMN, *, limits: Limits = DEFAULT_LIMITS
) -> UnaryTests:
    """The tree of an input entry of a decision table, such as `< 5, [7..9]`, `not("a")` or `-`."""
    parser = _parser(text, names, dialect, limits)
    return parser.whole(parser.unary_tests)


def parse_type(text: str, types: Iterable[str] = (), dialect: Dialect = Dialect.DMN) -> FeelType:
    """A type from its expression; names that are not built in become references to resolve."""
    parser = _parser(text, NameTable((), types), dialect, DEFAULT_LIMITS)
    return parser.whole(parser.read_type)


def _parser(text: str, names: Names, dialect: Dialect, limits: Limits) -> "Parser":
    if len(text) > limits.source_chars:
        message = f"The text has more than {limits.source_chars} characters"
        raise FeelSyntaxError(message, Position.of(text, limits.source_chars))
    if isinstance(names, NameTable):
        table = names
    else:
        known = tuple(names)
        table = NameTable(known) if known else EMPTY
    return Parser(text, table, dialect, limits)


class Parser(FormReader):
    """One text being parsed."""

    __slots__ = ("_depth", "_limits")

    def __init__(self, text: str, table: NameTable, dialect: Dialect, limits: Limits) -> None:
        super().__init__(text, table, dialect)
        self.ending = False
        self._depth = 0
        self._limits = limits

    def whole(self, read: Callable[[], Node]) -> Node:
        """What `read` reads, and nothing may follow."""
        try:
            node = read()
        except RecursionError:
            raise self.error("The expression is nested too deeply") from None
        if not self.at_end():
            raise self.error(f"Unexpected {self.found()}")
        if isinstance(node, Expr) and _height_exceeds(node, self._limits.tree_height):
            raise self.error(f"The expression is higher than {self._limits.tree_height} levels", 0)
        return node

    def expression(self) -> Expr:
        """A whole expression."""
        self._deeper()
        before, self.ending = self.ending, False
        node = self._operators(0)
        self.ending = before
        self._depth -= 1
        return node

    def additive(self) -> Expr:
        """An expression without comparison or logic at its top."""
        self._deeper()
        node = self._operators(_ADDITIVE)
        self._depth -= 1
        return node

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > self._limits.tree_depth:
            raise self.error(f"The expression is nested deeper than {self._limits.tree_depth} levels")

    def _operators(self, weakest: int) -> Expr:
        self.skip()
        begin = self.position
        return self._climb(self._unary(), begin, weakest)

    def _climb(self, left: Expr, begin: int, weakest: int) -> Expr:
        while True:
            self.skip()
            match = _OPERATOR.match(self.text, self.position)
            if match is None:
                return left
            operator = match.group()
            strength = _STRENGTH[operator]
            if strength < weakest:
                return left
            self.position = match.end()
            left = self._operation(left, begin, operator, strength)

    def _operation(self, left: Expr, begin: int, operator: str, strength: int) -> Expr:
        if operator == "between":
            low = self._operators(_ADDITIVE)
            self.expect_word("and")
            high = self._operators(_ADDITIVE)
            return Between(left, low, high, span=(begin, self.end()))
        if operator == "in":
            tests = self._tests_after_in()
            return In(left, tests, span=(begin, self.end()))
        right = self._operators(strength + 1)
        return Binary(operator, left, right, span=(begin, self.end()))

    def _unary(self) -> Expr:
        self.skip()
        begin = self.position
        if self.take("-"):
            self._deeper()
            operand = self._unary()
            self._depth -= 1
            return Negation(operand, span=(begin, self.end()))
        return self._postfix(self.operand(), begin)

    def _postfix(self, node: Expr, begin: int) -> Expr:
        while True:
            char = self.peek()
            if char == "." and self.peek(2) != "..":
                self.position += 1
                node = Path(node, self.read_member(self.members_of(node)), span=(begin, self.end()))
            elif char == "[" and not self.closes_interval():
                node = self._filter(node, begin)
            elif char == "(":
                node = self._call(node, begin)
            elif char == "i" and self.take_word("instance"):
                self.expect_word("of")
                node = InstanceOf(node, self.read_type(), span=(begin, self.end()))
            else:
                return node

    def _filter(self, source: Expr, begin: int) -> Expr:
        self.expect("[")
        known = self.members_of(source)
        if known is None:
            self.push_pool()
        else:
            self.push({"item": known, **{name: known.members(name) for name in known.names()}})
        condition = self.expression()
        self.pop()
        self.expect("]")
        return Filter(source, condition, span=(begin, self.end()))

    def _call(self, function: Expr, begin: int) -> Expr:
        self.expect("(")
        if self.at_named_argument():
            return self._named_call(function, begin)
        arguments: list[Expr] = []
        while not self.take(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.expression())
        return Call(function, tuple(arguments), span=(begin, self.end()))

    def _named_call(self, function: Expr, begin: int) -> Expr:
        arguments: list[tuple[str, Expr]] = []
        while True:
            name = self.read_declared(lambda: self.peek() == ":")
            self.expect(":")
            arguments.append((name, self.expression()))
            if not self.take(","):
                break
        self.expect(")")
        return NamedCall(function, tuple(arguments), span=(begin, self.end()))

    def _tests_after_in(self) -> tuple[Expr, ...]:
        self.skip()
        begin = self.position
        if not self.take("("):
            test = self.comparison(begin)
            return (test if test is not None else self.additive(),)
        tests = [self._test()]
        if not isinstance(tests[0], ComparisonRange) and self.take(".."):
            tests = [self.interval(begin, tests[0], start_included=False)]
            return (self._climb(self._postfix(tests[0], begin), begin, _ADDITIVE),)
        while self.take(","):
            tests.append(self._test())
        self.expect(")")
        if len(tests) == 1 and _CONTINUES.match(self.peek(10)):
            return (self._climb(self._postfix(tests[0], begin), begin, _ADDITIVE),)
        return tuple(tests)

    def _test(self) -> Expr:
        self.skip()
        test = self.comparison(self.position)
        return test if test is not None else self.expression()

    def unary_tests(self) -> UnaryTests:
        """What a decision table's input entry holds."""
        self.skip()
        begin = self.position
        if self.take("-"):
            if self.at_end():
                return UnaryTests((), span=(begin, self.end()))
            self.position = begin
        negated = self._negated_tests(begin)
        return negated or UnaryTests(self._tests(), span=(begin, self.end()))

    def _tests(self) -> tuple[Expr, ...]:
        tests = [self._test()]
        while self.take(","):
            tests.append(self._test())
        return tuple(tests)

    def _negated_tests(self, begin: int) -> UnaryTests | None:
        """`not(...)` around all of the text; anything else is left to be read as an expression."""
        try:
            if self.take_word("not") and self.take("("):
                tests = self._tests()
                if self.take(")") and self.at_end():
                    return UnaryTests(tests, negated=True, span=(begin, self.end()))
        except FeelSyntaxError:
            self._depth = 0
        self.position = begin
        return None


def _height_exceeds(root: Expr, limit: int) -> bool:
    level = [root]
    for _ in range(limit):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True
