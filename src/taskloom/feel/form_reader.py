"""Reads what may stand in operand position: literals, lists, contexts, intervals, loops, functions."""

from taskloom.feel import decimals
from taskloom.feel.lexer import KEYWORDS
from taskloom.feel.names import NameTable
from taskloom.feel.nodes import (
    AtLiteral,
    ComparisonRange,
    ContextLiteral,
    Expr,
    Filter,
    For,
    FunctionLiteral,
    If,
    Interval,
    Iterator,
    ListLiteral,
    Literal,
    Name,
    Parameter,
    Path,
    Quantified,
)
from taskloom.feel.type_reader import TypeReader

_CONSTANTS = {"null": None, "true": True, "false": False}
_COMPARISONS = ("<=", ">=", "!=", "<", ">", "=")
_AFTER_INTERVAL = frozenset("),]}.:=<>!*/+")
_WORDS_AFTER = ("and", "or", "then", "else", "return", "satisfies", "in", "between", "instance")


class FormReader(TypeReader):
    """A reader of operands; `Parser` adds the operators between them."""

    __slots__ = ("ending",)

    ending: bool

    def expression(self) -> Expr:
        """A whole expression."""
        raise AssertionError("Parser reads expressions")

    def additive(self) -> Expr:
        """An expression without comparison or logic at its top, such as an end of an interval."""
        raise AssertionError("Parser reads expressions")

    def operand(self) -> Expr:
        """A literal, a name or a construct that begins with a keyword or a bracket."""
        self.skip()
        begin = self.position
        char = self.text[begin : begin + 1]
        if char == '"':
            return Literal(self.take_string(), span=(begin, self.end()))
        if char.isdigit() or char == ".":
            return self._number(begin)
        if char in ("(", "[", "]", "{", "@") and char:
            return self._bracket(char, begin)
        word = self.identifier()
        if word in KEYWORDS:
            known = self.read_known_name(word)
            if known is not None:
                return Name(known, self.is_built_in(known), span=(begin, self.end()))
        if word in _CONSTANTS and self.take_word(word):
            return Literal(_CONSTANTS[word], span=(begin, self.end()))
        form = None if word is None else _FORMS.get(word)
        if form is not None and self.take_word(word or ""):
            return form(self, begin)
        name = self.read_name()
        if name is None:
            raise self.error(f"Expected an expression, found {self.found()}")
        return Name(name, self.is_built_in(name), span=(begin, self.end()))

    def _number(self, begin: int) -> Expr:
        text = self.take_number()
        if text is None:
            raise self.error(f"Expected an expression, found {self.found()}")
        number = decimals.number_of(text)
        if number is None:
            raise self.error("The number is too large", begin)
        return Literal(number, span=(begin, self.end()))

    def _bracket(self, char: str, begin: int) -> Expr:
        self.position += 1
        if char == "(":
            return self._parenthesis(begin)
        if char == "[":
            return self._list(begin)
        if char == "{":
            return self._context(begin)
        if char == "@":
            self.skip()
            if self.peek() != '"':
                raise self.error("Expected a string after '@'")
            text = self.take_string()
            return AtLiteral(text, span=(begin, self.end()))
        start = self.additive()
        self.expect("..")
        return self.interval(begin, start, start_included=False)

    def comparison(self, begin: int) -> ComparisonRange | None:
        """`< 10` and the like; None when no comparison operator comes next."""
        for operator in _COMPARISONS:
            if self.take(operator):
                operand = self.additive()
                return ComparisonRange(operator, operand, span=(begin, self.end()))
        return None

    def _parenthesis(self, begin: int) -> Expr:
        self.skip()
        test = self.comparison(begin)
        if test is not None:
            self.expect(")")
            return test
        inner = self.expression()
        if self.take(".."):
            return self.interval(begin, inner, start_included=False)
        self.expect(")")
        return inner

    def interval(self, begin: int, start: Expr, *, start_included: bool) -> Interval:
        """The rest of an interval, after its `..`."""
        before, self.ending = self.ending, True
        try:
            end = self.additive()
        finally:
            self.ending = before
        if self.take("]"):
            included = True
        elif self.take(")") or self.take("["):
            included = False
        else:
            raise self.error(f"Expected the end of an interval, found {self.found()}")
        return Interval(start, end, start_included, included, span=(begin, self.end()))

    def closes_interval(self) -> bool:
        """Whether the `[` that comes next ends an interval and begins no filter."""
        if not self.ending:
            return False
        begin = self.position
        self.position += 1
        following = self.peek()
        closes = (
            not following or following in _AFTER_INTERVAL or any(self.at_word(word) for word in _WORDS_AFTER)
        )
        self.position = begin
        return closes

    def _list(self, begin: int) -> Expr:
        items: list[Expr] = []
        while not self.take("]"):
            if items:
                self.expect(",")
            items.append(self.expression())
            if len(items) == 1 and self.take(".."):
                return self.interval(begin, items[0], start_included=True)
        return ListLiteral(tuple(items), span=(begin, self.end()))

    def _context(self, begin: int) -> Expr:
        entries: list[tuple[str, Expr]] = []
        known: dict[str, NameTable | None] = {}
        while not self.take("}"):
            if entries:
                self.expect(",")
            key = self._key()
            self.expect(":")
            self.declare(key)
            with self.scope({**known, key: None}):
                value = self.expression()
            entries.append((key, value))
            known[key] = self.members_of(value)
        return ContextLiteral(tuple(entries), span=(begin, self.end()))

    def _key(self) -> str:
        if self.peek() == '"':
            return self.take_string()
        return self.read_declared(lambda: self.peek() == ":")

    def _if(self, begin: int) -> Expr:
        condition = self.expression()
        self.expect_word("then")
        then = self.expression()
        self.expect_word("else")
        otherwise = self.expression()
        return If(condition, then, otherwise, span=(begin, self.end()))

    def _for(self, begin: int) -> Expr:
        iterators, known = self._iterators("return")
        with self.scope({**known, "partial": None}):
            body = self.expression()
        return For(iterators, body, span=(begin, self.end()))

    def _some(self, begin: int) -> Expr:
        return self._quantified(begin, every=False)

    def _every(self, begin: int) -> Expr:
        return self._quantified(begin, every=True)

    def _quantified(self, begin: int, *, every: bool) -> Expr:
        iterators, known = self._iterators("satisfies")
        with self.scope(known):
            condition = self.expression()
        return Quantified(every, iterators, condition, span=(begin, self.end()))

    def _iterators(self, word: str) -> tuple[tuple[Iterator, ...], dict[str, NameTable | None]]:
        iterators: list[Iterator] = []
        known: dict[str, NameTable | None] = {}
        while True:
            name = self.read_declared(lambda: self.at_word("in"))
            self.expect_word("in")
            with self.scope(known):
                source = self.expression()
                end = self.expression() if self.take("..") else None
            iterators.append(Iterator(name, source, end))
            known = {**known, name: self.members_of(source)}
            if not self.take(","):
                break
        self.expect_word(word)
        return tuple(iterators), known

    def _function(self, begin: int) -> Expr:
        self.expect("(")
        parameters: list[Parameter] = []
        while not self.take(")"):
            if parameters:
                self.expect(",")
            name = self.read_declared(lambda: self.peek() in (",", ":", ")"))
            parameters.append(Parameter(name, self.read_type() if self.take(":") else None))
        if len({parameter.name for parameter in parameters}) < len(parameters):
            raise self.error("A parameter is named twice", begin)
        external = self.take_word("external")
        with self.scope({parameter.name: None for parameter in parameters}):
            body = self.expression()
        return FunctionLiteral(tuple(parameters), body, external, span=(begin, self.end()))

    def members_of(self, node: Expr) -> NameTable | None:
        """The names that may follow a dot after an expression, as far as the text tells."""
        if isinstance(node, Name):
            return self.members(node.name)
        if isinstance(node, Path):
            table = self.members_of(node.source)
            return None if table is None else table.members(node.name)
        if isinstance(node, Filter):
            return self.members_of(node.source)
        if isinstance(node, ContextLiteral):
            return NameTable({key: self.members_of(value) for key, value in node.entries})
        if isinstance(node, ListLiteral) and node.items:
            tables = [self.members_of(item) for item in node.items]
            known = {
                name: table.members(name) for table in tables if table is not None for name in table.names()
            }
            return NameTable(known) if known else None
        return None


_FORMS = {
    "if": FormReader._if,  # noqa: SLF001 - a table of this class's own methods
    "for": FormReader._for,  # noqa: SLF001
    "some": FormReader._some,  # noqa: SLF001
    "every": FormReader._every,  # noqa: SLF001
    "function": FormReader._function,  # noqa: SLF001
}
