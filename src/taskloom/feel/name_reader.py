"""Reads names: by the names in scope first, the longest one, else as a plain identifier."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from taskloom.feel.dialect import Dialect
from taskloom.feel.lexer import KEYWORDS, Lexer
from taskloom.feel.library import built_ins
from taskloom.feel.names import BLANK, IDENTIFIER, NAME_PART, NameTable, index_of, match_name, normalise

Members = Mapping[str, NameTable | None]
Index = Mapping[str, tuple[str, ...]]

_BUILT_IN_INDEXES: Final = {dialect: index_of(built_ins(dialect)) for dialect in Dialect}
_PROPERTY_INDEX: Final = index_of(("time offset", "start included", "end included"))
_PIECE: Final = re.compile(f"(?:{NAME_PART.pattern})+|[./\\-'+*]")
_NEXT_WORD: Final = re.compile(f"{BLANK}+({IDENTIFIER.pattern})")
_NAMED_ARGUMENT: Final = re.compile(f"{IDENTIFIER.pattern}(?:{NAME_PART.pattern}|{BLANK}|[./\\-'+*])*:")
_QUOTED: Final = re.compile("`([^`]+)`")


class NameReader(Lexer):
    """A lexer that knows which names are in scope."""

    __slots__ = ("_indexes", "_members", "_pool", "_pool_index", "dialect", "table")

    def __init__(self, text: str, table: NameTable, dialect: Dialect) -> None:
        super().__init__(text)
        self.table = table
        self.dialect = dialect
        self._pool = table.all_names()
        self._pool_index: Index | None = table.pool_index()
        self._indexes: list[Index] = [_BUILT_IN_INDEXES[dialect], table.index()]
        self._members: list[Members] = []

    @contextmanager
    def scope(self, names: Members) -> Iterator[None]:
        """Within it these names are known too."""
        self.push(names)
        try:
            yield
        finally:
            self.pop()

    def push(self, names: Members, index: Index | None = None) -> None:
        """Makes names known until `pop`; the index is made unless it is there."""
        self._members.append(names)
        self._indexes.append(index_of(names) if index is None else index)

    def push_pool(self) -> None:
        """Makes all names that may be members of something known until `pop`."""
        self.push(dict.fromkeys((*self._pool, "item")), self.pool())

    def pop(self) -> None:
        """Forgets the names pushed last."""
        self._members.pop()
        self._indexes.pop()

    def declare(self, name: str) -> None:
        """A name that may follow a dot from here on, wherever it was declared."""
        if name not in self._pool:
            self._pool |= {name}
            self._pool_index = None

    def pool(self) -> Index:
        """All names that may be members of something."""
        if self._pool_index is None:
            self._pool_index = index_of(self._pool)
        return self._pool_index

    def members(self, name: str) -> NameTable | None:
        """What is known of a name's members."""
        for level in reversed(self._members):
            if name in level:
                return level[name]
        return self.table.members(name)

    def is_built_in(self, name: str) -> bool:
        """Whether a name means a built-in function, because nothing else of that name is declared."""
        if name not in built_ins(self.dialect) or name in self.table:
            return False
        return not any(name in level for level in self._members)

    def read_name(self) -> str | None:
        """A name in operand position; None, with nothing read, when none comes next."""
        word = self.identifier()
        if word is None:
            return self._read_quoted()
        known = self.read_known_name(word)
        if known is not None:
            return known
        if word in KEYWORDS and not self._is_older_name(word):
            return None
        self.position += len(word)
        return word

    def _is_older_name(self, word: str) -> bool:
        """Camunda's older names of `all` and `any` are `and(list)` and `or(list)`."""
        if self.dialect is not Dialect.CAMUNDA or word not in ("and", "or"):
            return False
        return self.text.startswith("(", self.position + len(word))

    def read_known_name(self, word: str) -> str | None:
        """The longest name in scope that begins with a word, which comes next, and goes on after it."""
        return self._longest(word, self._indexes)

    def read_member(self, known: NameTable | None) -> str:
        """A name after a dot."""
        word = self.identifier()
        if word is None:
            quoted = self._read_quoted()
            if quoted is None:
                raise self.error(f"Expected a name after '.', found {self.found()}")
            return quoted
        longest = None if known is None else self._longest(word, [_PROPERTY_INDEX, known.index()])
        if longest is None and (known is None or word not in known):
            longest = self._longest(word, [_PROPERTY_INDEX, self.pool()])
        if longest is not None:
            return longest
        return self._read_words(word)

    def _read_words(self, word: str) -> str:
        """The name of a member that nobody declared: a word and, but in Camunda, those after it.

        Two words side by side mean nothing else, so that members of untyped data may have blanks.
        """
        begin = self.position
        self.position += len(word)
        while self.dialect is not Dialect.CAMUNDA:
            following = _NEXT_WORD.match(self.text, self.position)
            if following is None or following[1] in KEYWORDS:
                break
            self.position = following.end()
        return normalise(self.text[begin : self.position])

    def read_declared(self, ends: Callable[[], bool]) -> str:
        """A name that is being declared: all pieces up to where it ends."""
        self.skip()
        quoted = self._read_quoted()
        if quoted is not None:
            return quoted
        begin = self.position
        if IDENTIFIER.match(self.text, begin) is None:
            raise self.error(f"Expected a name, found {self.found()}")
        while True:
            piece = _PIECE.match(self.text, self.position)
            if piece is None:
                raise self.error(f"Expected the end of a name, found {self.found()}")
            self.position = piece.end()
            end = self.position
            self.skip()
            if ends():
                return normalise(self.text[begin:end])

    def at_named_argument(self) -> bool:
        """Whether `name:` comes next."""
        self.skip()
        return _NAMED_ARGUMENT.match(self.text, self.position) is not None

    def _longest(self, word: str, indexes: list[Index]) -> str | None:
        best, best_end = None, 0
        for index in indexes:
            for name in index.get(word, ()):
                if best is not None and len(name) <= len(best):
                    break
                end = match_name(self.text, self.position, name)
                if end is not None:
                    best, best_end = name, end
                    break
        if best is not None:
            self.position = best_end
        return best

    def _read_quoted(self) -> str | None:
        if self.dialect is not Dialect.CAMUNDA:
            return None
        match = _QUOTED.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match.group(1)
