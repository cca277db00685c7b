"""Views: declared tables that are listed and searched, and the one filter tree for all of them.

A view is fed by a pure `project(event) -> row changes` inside the transaction of the event, so a search sees
every acknowledged change. Adapters translate the tree to SQL, or walk it; they know no view by name.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from taskloom.core.events import FlowEvent

Value = int | str | bytes


class ColumnType(enum.Enum):
    """What a column holds. JSON columns hold bytes of JSON and are not searched."""

    INTEGER = "integer"
    TEXT = "text"
    JSON = "json"


class View(Struct, frozen=True):
    """A table with `key` and `tenant`, the declared columns, and indexes, each led by the tenant."""

    name: str
    columns: Mapping[str, ColumnType]
    indexes: tuple[tuple[str, ...], ...] = ()


class RowChange(Struct, frozen=True, gc=False):
    """Insert the row or change the named columns of it; `values` None removes it.

    A column never holds null: absent is 0, "" or b"", also for columns the first change does not name.
    """

    view: str
    key: int
    tenant: str
    values: Mapping[str, Value] | None


Project = Callable[[FlowEvent, int], Iterable[RowChange]]
"""(event, instant) -> row changes."""


class And(Struct, frozen=True):
    """Every part holds; of no parts: true."""

    parts: "tuple[Filter, ...]"


class Or(Struct, frozen=True):
    """Some part holds; of no parts: false."""

    parts: "tuple[Filter, ...]"


class Not(Struct, frozen=True):
    """The part does not hold."""

    part: "Filter"


class Compare(Struct, frozen=True):
    """Column against value; `op` is one of eq, gt, gte, lt, lte. Absent is 0 or "" and compares so."""

    column: str
    op: str
    value: Value


class In(Struct, frozen=True):
    """The column holds one of the values."""

    column: str
    values: tuple[Value, ...]


class Like(Struct, frozen=True):
    """The text matches a pattern: `*` any run, `?` one character, a backslash escapes; letter case counts.

    A pattern sees a text up to its first NUL.
    """

    column: str
    pattern: str


class Exists(Struct, frozen=True):
    """The column has a value: it is not 0, not ""."""

    column: str


class Related(Struct, frozen=True):
    """Some row of another view, whose `column` equals this row's `own` column, fulfils the filter."""

    view: str
    column: str
    own: str
    filter: "Filter"


Filter = And | Or | Not | Compare | In | Like | Exists | Related

EVERYTHING = And(())


class Sort(Struct, frozen=True):
    """One sort criterion. The key is always appended as the last one."""

    column: str
    descending: bool = False


class Query(Struct, frozen=True, kw_only=True):
    """A search: which rows, in which order, which page of them.

    `tenants` None means every tenant. `after` and `before` are the sort values of an edge row, its key last;
    `before` gives the page that precedes it, in normal order.
    """

    view: str
    tenants: tuple[str, ...] | None
    filter: Filter = EVERYTHING
    sort: tuple[Sort, ...] = ()
    limit: int = 100
    offset: int = 0
    after: tuple[Value, ...] | None = None
    before: tuple[Value, ...] | None = None
    total: bool = True


class Page(Struct, frozen=True):
    """The rows found (column -> value, `key` and `tenant` included) and how many there are in all.

    `total` is exact up to `limits.TOTAL_EXACT`; above it, `has_more` says that it is only a lower bound.
    """

    rows: list[dict[str, Any]]
    total: int
    has_more: bool = False


ATTRIBUTE_PREFIX = "attributes."
"""`attributes.<name>` names a member of a task's attributes in filters and sorts of the task view."""
