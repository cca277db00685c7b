"""Lists of documents: the filters of a query string, and cursors that continue where a page ended."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from taskloom.core.keys import KEY_LIMIT
from taskloom.core.limits import DOCUMENTS_PAGE_MAX, NAME_LENGTH
from taskloom.dialects.documents.errors import invalid
from taskloom.dialects.operation import Refusal
from taskloom.flows.document import ids
from taskloom.flows.document.schema import StepType
from taskloom.flows.document.state import Status
from taskloom.views.documents import DOCUMENTS
from taskloom.views.view import And, Compare, Filter, In, Like, Query, Sort

LIMIT_DEFAULT: Final = 50
_OTHERS: Final = frozenset({"limit", "cursor", "sort"})
_SORTS: Final = {"created_at": False, "-created_at": True}

Asked = Mapping[str, Sequence[str]]


class _BadParameter(Exception):  # noqa: N818  carries the refusal out of the parsing of one parameter
    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.refusal = invalid(message, parameter=name)


def query_of(tenant: str, project: str, asked: Asked) -> Query | Refusal:
    """The search for a page and one row more, which tells whether there is a next page."""
    try:
        filters = tuple(_filter(name, values) for name, values in asked.items() if name not in _OTHERS)
        descending = _descending(asked)
        return Query(
            view=DOCUMENTS.name,
            tenants=(tenant,),
            filter=And((Compare("project", "eq", project), *filters)),
            sort=(Sort("created_at", descending=descending),),
            limit=_limit(asked) + 1,
            after=_after(asked, descending=descending),
            total=False,
        )
    except _BadParameter as bad:
        return bad.refusal


def cursor(created_at: int, key: int, *, descending: bool) -> str:
    """Where the next page begins."""
    packed = msgspec.msgpack.encode((descending, created_at, key))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _filter(name: str, values: Sequence[str]) -> Filter:
    read = _FILTERS.get(name)
    if read is None:
        raise _BadParameter(name, f"The parameter {name[:100]!r} is not known.")
    return read(name, values)


def _among(column: str, allowed: frozenset[str]) -> Callable[[str, Sequence[str]], Filter]:
    """One value or several, repeated or with commas between them."""

    def read(name: str, values: Sequence[str]) -> Filter:
        wanted = tuple(dict.fromkeys(value for text in values for value in text.split(",")))
        if not allowed.issuperset(wanted):
            raise _BadParameter(name, f"The parameter {name!r} is one of {', '.join(sorted(allowed))}.")
        return In(column, wanted)

    return read


def _upload(name: str, values: Sequence[str]) -> Filter:
    key = ids.parse(ids.UPLOAD, _only(name, values))
    if key is None:
        raise _BadParameter(name, f"The parameter {name!r} is no id of an upload.")
    return Compare("upload", "eq", key)


def _name_contains(name: str, values: Sequence[str]) -> Filter:
    text = _only(name, values)
    if not 0 < len(text) <= NAME_LENGTH or "\0" in text:
        raise _BadParameter(name, f"The parameter {name!r} has 1 to {NAME_LENGTH} characters.")
    escaped = "".join(f"\\{sign}" if sign in "*?\\" else sign for sign in text)
    return Like("name", f"*{escaped}*")


_FILTERS: Final[Mapping[str, Callable[[str, Sequence[str]], Filter]]] = {
    "status": _among("status", frozenset(Status)),
    "step_type": _among("step_type", frozenset(StepType)),
    "upload_id": _upload,
    "q": _name_contains,
}


def _only(name: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise _BadParameter(name, f"The parameter {name!r} is given once.")
    return values[0]


def _descending(asked: Asked) -> bool:
    if "sort" not in asked:
        return False
    descending = _SORTS.get(_only("sort", asked["sort"]))
    if descending is None:
        raise _BadParameter("sort", f"The parameter 'sort' is one of {', '.join(_SORTS)}.")
    return descending


def _limit(asked: Asked) -> int:
    if "limit" not in asked:
        return LIMIT_DEFAULT
    text = _only("limit", asked["limit"])
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= number <= DOCUMENTS_PAGE_MAX:
        raise _BadParameter("limit", f"The parameter 'limit' is a number from 1 to {DOCUMENTS_PAGE_MAX}.")
    return number


def _after(asked: Asked, *, descending: bool) -> tuple[int, int] | None:
    if "cursor" not in asked:
        return None
    text = _only("cursor", asked["cursor"])
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        order, created_at, key = msgspec.msgpack.decode(packed, type=tuple[bool, int, int])
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise _BadParameter("cursor", "The cursor is none of ours.") from None
    if not (0 <= created_at < KEY_LIMIT and 0 <= key < KEY_LIMIT):
        raise _BadParameter("cursor", "The cursor is none of ours.")
    if order is not descending:
        raise _BadParameter("cursor", "The cursor belongs to another order.")
    return created_at, key
