"""Searches: one way from the request to a page of answers, for every entity."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from taskloom.core.keys import KEY_LIMIT
from taskloom.core.limits import PAGE_SIZE_MAX
from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.processes import bodies
from taskloom.dialects.processes.answers import Found, PageInfo
from taskloom.dialects.processes.filter_kinds import UnreadableFilterError
from taskloom.dialects.processes.filters import Fields, read_filter
from taskloom.dialects.processes.problem import bad_request, invalid, must_be, no_such
from taskloom.dialects.processes.requests import Search, SearchPage, SearchSort
from taskloom.dialects.processes.translate import path_key
from taskloom.views.processes import VIEWS
from taskloom.views.tasks import TASKS
from taskloom.views.view import (
    ATTRIBUTE_PREFIX,
    EVERYTHING,
    And,
    ColumnType,
    Compare,
    Filter,
    Query,
    Sort,
    Value,
)

PAGE_SIZE_DEFAULT = 100
ORDERS = ("ASC", "DESC")
_COLUMNS = {view.name: view.columns for view in (*VIEWS, TASKS)}


class Entity(Struct, frozen=True):
    """Something that can be listed: its view, what can be asked of it, and how a row looks on the wire.

    `sorts` names the column of each sort field, "" where all rows are equal in it.
    """

    words: str
    view: str
    fields: Fields
    sorts: Mapping[str, str]
    item: Callable[[dict[str, Any]], Any]
    always: Filter = EVERYTHING


async def search(request: Request, entity: Entity, within: Filter = EVERYTHING) -> Response | Refusal:
    """A page of what the caller may see."""
    query = _read_query(request, entity, within)
    if isinstance(query, Refusal):
        return query
    page = await request.engine.store.search(query)
    rows = page.rows
    info = PageInfo(
        total_items=page.total,
        has_more_total_items=page.has_more,
        start_cursor=_cursor(query.sort, rows[0]) if rows else None,
        end_cursor=_cursor(query.sort, rows[-1]) if rows else None,
    )
    found = Found(items=[entity.item(row) for row in rows], page=info)
    return Response(body=msgspec.json.encode(found))


async def get(request: Request, entity: Entity, parameter: str) -> dict[str, Any] | Refusal:
    """The row with the key in the path."""
    key = path_key(request, parameter)
    if isinstance(key, Refusal):
        return key
    query = Query(
        view=entity.view,
        tenants=_tenants(request),
        filter=And((entity.always, Compare("key", "eq", key))),
        limit=1,
        total=False,
    )
    rows = (await request.engine.store.search(query)).rows
    return rows[0] if rows else no_such(entity.words, request.parameters[parameter])


def _tenants(request: Request) -> tuple[str, ...] | None:
    return None if request.wall is None else (request.wall,)


def _read_query(request: Request, entity: Entity, within: Filter) -> Query | Refusal:
    body = bodies.read(request.body, Search, optional=True)
    if isinstance(body, Refusal):
        return body
    sort = _read_sort(body.sort or (), entity)
    if isinstance(sort, Refusal):
        return sort
    page = _read_page(body.page, entity, sort)
    if isinstance(page, Refusal):
        return page
    try:
        asked = read_filter(body.filter, entity.fields)
    except UnreadableFilterError as error:
        return error.refusal
    return Query(
        view=entity.view,
        tenants=_tenants(request),
        filter=And((entity.always, within, asked)),
        sort=sort,
        limit=page.limit,
        offset=page.offset,
        after=page.after,
        before=page.before,
    )


def _read_sort(asked: Sequence[SearchSort], entity: Entity) -> tuple[Sort, ...] | Refusal:
    sorts: dict[str, Sort] = {}
    for one in asked:
        if not one.field:
            return invalid("Sort field must not be null")
        column = entity.sorts.get(one.field)
        if column is None:
            return bodies.unknown_value(one.field, "field", tuple(entity.sorts))
        order = (one.order or ORDERS[0]).upper()
        if order not in ORDERS:
            return bodies.unknown_value(str(one.order), "order", ORDERS)
        if column:
            sorts.setdefault(column, Sort(column, descending=order == ORDERS[1]))
    return tuple(sorts.values())


class _Page(Struct, frozen=True):
    limit: int = PAGE_SIZE_DEFAULT
    offset: int = 0
    after: tuple[Value, ...] | None = None
    before: tuple[Value, ...] | None = None


def _read_page(asked: SearchPage | None, entity: Entity, sort: Sequence[Sort]) -> _Page | Refusal:
    if asked is None:
        return _Page()
    given = {"from": asked.from_, "after": asked.after, "before": asked.before}
    present = [name for name, value in given.items() if value is not None]
    if not present and asked.limit is None:
        return bad_request("At least one of [from, after, before, limit] is required.")
    if len(present) > 1:
        return invalid(f"Only one of [{', '.join(present)}] is allowed")
    limit = PAGE_SIZE_DEFAULT if asked.limit is None else asked.limit
    offset = asked.from_ or 0
    for name, value in (("page.limit", limit), ("page.from", offset)):
        if value < 0:
            return must_be(name, value, "a non-negative number")
    if limit > PAGE_SIZE_MAX:
        return must_be("page.limit", limit, f"at most {PAGE_SIZE_MAX}")
    edges: dict[str, tuple[Value, ...] | None] = {"after": None, "before": None}
    for name, text in (("after", asked.after), ("before", asked.before)):
        if text is not None:
            edges[name] = _read_cursor(text, entity, sort)
            if edges[name] is None:
                return invalid(f"The cursor in page.{name} does not belong to this search")
    return _Page(limit, offset, edges["after"], edges["before"])


def _signature(sort: Sequence[Sort]) -> str:
    return ",".join(f"{'-' if one.descending else '+'}{one.column}" for one in sort)


def _cursor(sort: Sequence[Sort], row: Mapping[str, Any]) -> str:
    """A row as a place in its search: the order, the row's sort values, its key."""
    values = [_value_of(row, one.column) for one in sort if one.column != "key"]
    has_key = [one for one in sort if one.column == "key"]
    edge = [_value_of(row, one.column) for one in sort] if has_key else [*values, row["key"]]
    return base64.b64encode(msgspec.json.encode([_signature(sort), *edge])).decode()


def _read_cursor(text: str, entity: Entity, sort: Sequence[Sort]) -> tuple[Value, ...] | None:
    try:
        signature, *edge = msgspec.json.decode(base64.b64decode(text, validate=True), type=list[int | str])
    except (binascii.Error, ValueError, RecursionError):
        return None
    columns = [one.column for one in sort]
    if "key" not in columns:
        columns.append("key")
    if signature != _signature(sort) or len(edge) != len(columns):
        return None
    fits = all(_fits(entity, column, value) for column, value in zip(columns, edge, strict=True))
    return tuple(edge) if fits else None


def _fits(entity: Entity, column: str, value: Value) -> bool:
    """Whether a column can hold a value; attributes hold text."""
    kind = ColumnType.INTEGER if column == "key" else _COLUMNS[entity.view].get(column, ColumnType.TEXT)
    if kind is ColumnType.TEXT:
        return isinstance(value, str)
    return isinstance(value, int) and -KEY_LIMIT <= value < KEY_LIMIT


def _value_of(row: Mapping[str, Any], column: str) -> Value:
    if not column.startswith(ATTRIBUTE_PREFIX):
        value: Value = row[column]
        return value
    attributes = msgspec.json.decode(row["attributes"])
    return str(attributes.get(column.removeprefix(ATTRIBUTE_PREFIX), ""))
