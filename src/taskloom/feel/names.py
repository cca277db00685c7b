"""Names with blanks and symbols, and the table that tells the parser which of them exist.

A name such as `Monthly income` or `pre-tax` can only be told from two names or a subtraction when it is
known, so the parser asks the table for the longest name that the text begins with. Plain identifiers need
no table.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_START: Final = (
    "?A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_PART: Final = _START + "0-9\u00b7\u0300-\u036f\u203f-\u2040"
IDENTIFIER: Final = re.compile(f"[{_START}][{_PART}]*")
NAME_PART: Final = re.compile(f"[{_PART}]")
_TABLE_DEPTH: Final = 8
BLANK: Final = r"[\s\u180e\u200b\ufeff]"
_BLANKS: Final = re.compile(f"{BLANK}+")


def normalise(name: str) -> str:
    """A name with each run of blanks as one blank and none at its ends."""
    return _BLANKS.sub(" ", name).strip(" ")


def is_identifier(name: str) -> bool:
    """Whether a name is plain, so that the parser reads it without a table."""
    return IDENTIFIER.fullmatch(name) is not None


class NameTable:
    """Known names; each may have the table of its members, as an item definition has."""

    __slots__ = ("_all_names", "_index", "_members", "_pool_index", "types")

    def __init__(
        self,
        names: "Iterable[str] | Mapping[str, NameTable | None]" = (),
        types: Iterable[str] = (),
    ) -> None:
        given = names.items() if isinstance(names, Mapping) else ((name, None) for name in names)
        self._members: dict[str, NameTable | None] = {normalise(name): table for name, table in given}
        self.types = tuple(sorted((normalise(name) for name in types), key=len, reverse=True))
        self._index = index_of(self._members)
        self._all_names: frozenset[str] | None = None
        self._pool_index: dict[str, tuple[str, ...]] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> tuple[str, ...]:
        """The names of this table, without those of the members."""
        return tuple(self._members)

    def members(self, name: str) -> "NameTable | None":
        """The table of a name's members, when it was given."""
        return self._members.get(name)

    def index(self) -> dict[str, tuple[str, ...]]:
        """The names that are no plain identifiers, longest first, by the identifier they begin with."""
        return self._index

    def all_names(self) -> frozenset[str]:
        """The names of this table and of all tables below it."""
        if self._all_names is None:
            below = (table.all_names() for table in self._members.values() if table is not None)
            self._all_names = frozenset(self._members).union(*below)
        return self._all_names

    def pool_index(self) -> dict[str, tuple[str, ...]]:
        """The index of all names."""
        if self._pool_index is None:
            self._pool_index = index_of(self.all_names())
        return self._pool_index

    def with_names(self, names: "Iterable[str] | Mapping[str, NameTable | None]") -> "NameTable":
        """The table with more names, which hide equal ones."""
        more = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names)
        return NameTable({**self._members, **more}, self.types)


def table_of(values: Mapping[str, object], depth: int = _TABLE_DEPTH) -> NameTable:
    """The names of variables and, from the contexts among their values, of the members."""
    return NameTable({name: _members_of(value, depth) for name, value in values.items()})


def _members_of(value: object, depth: int) -> NameTable | None:
    if isinstance(value, list) and value:
        value = value[0]
    return table_of(value, depth - 1) if isinstance(value, dict) and depth else None


def index_of(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Names that are no plain identifiers, longest first, by the identifier they begin with."""
    found: dict[str, list[str]] = {}
    for name in names:
        first = IDENTIFIER.match(name)
        if first is not None and first.end() < len(name):
            found.setdefault(first.group(), []).append(name)
    return {first: tuple(sorted(group, key=len, reverse=True)) for first, group in found.items()}


def match_name(text: str, position: int, name: str) -> int | None:
    """Where a known name ends that begins at a position, or None; any run of blanks counts as one."""
    for char in name:
        if char == " ":
            blanks = _BLANKS.match(text, position)
            if blanks is None:
                return None
            position = blanks.end()
        elif not text.startswith(char, position):
            return None
        else:
            position += 1
    if NAME_PART.match(name[-1]) and NAME_PART.match(text, position):
        return None
    return position


EMPTY: Final = NameTable()
