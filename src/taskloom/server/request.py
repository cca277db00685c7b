"""Reading the head of a request: headers, query, request id. Nothing is decoded before it is asked for."""

import itertools
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from taskloom.core.limits import QUERY_PARAMETERS, REQUEST_ID_LENGTH

Fields = Mapping[bytes, bytes]
"""The headers by lower-case name as they came; of several with one name the last counts."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,%d}\Z" % REQUEST_ID_LENGTH)


class BadQueryError(Exception):
    """The query string is no form data in UTF-8, or has too many parameters."""


class Headers(Mapping[str, str]):
    """The headers as text, decoded when asked for."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.encode("latin-1")].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._fields)

    def __len__(self) -> int:
        return len(self._fields)


_EMPTY: Final[Mapping[str, Sequence[str]]] = {}


def query(raw: bytes) -> Mapping[str, Sequence[str]]:
    """The parameters of a query string; what is not UTF-8 or too much raises `BadQueryError`."""
    if not raw:
        return _EMPTY
    try:
        return parse_qs(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_PARAMETERS
        )
    except ValueError as error:
        raise BadQueryError(str(error)) from error


def request_ids() -> Callable[[Fields], str]:
    """A function that names a request: as the caller did in `x-request-id`, else by a number."""
    prefix = secrets.token_hex(4)
    numbers = itertools.count(1)

    def name(fields: Fields) -> str:
        given = fields.get(b"x-request-id")
        if given and _REQUEST_ID.match(given):
            return given.decode("ascii")
        return f"{prefix}-{next(numbers):x}"

    return name
