"""Reading the head of a request: headers, query, request id. Nothing is decoded before it is asked for."""

import itertools
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from taskloom.core.limits import QUERY_PARAMETERS, REQUEST_ID_LENGTH

RawHeaders = Sequence[tuple[bytes, bytes]]

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,%d}\Z" % REQUEST_ID_LENGTH)


class BadQueryError(Exception):
    """The query string is no form data in UTF-8, or has too many parameters."""


class Headers(Mapping[str, str]):
    """The headers by lower-case name; of several with one name the first counts."""

    __slots__ = ("_decoded", "_raw")

    def __init__(self, raw: RawHeaders) -> None:
        self._raw = raw
        self._decoded: dict[str, str] | None = None

    @property
    def _all(self) -> dict[str, str]:
        if self._decoded is None:
            self._decoded = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(self._raw)
            }
        return self._decoded

    def __getitem__(self, name: str) -> str:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def header(raw: RawHeaders, name: bytes) -> bytes:
    """The first header of that name, b"" when there is none."""
    for key, value in raw:
        if key == name:
            return value
    return b""


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


def request_ids() -> Callable[[RawHeaders], str]:
    """A function that names a request: as the caller did in `x-request-id`, else by a number."""
    prefix = secrets.token_hex(4)
    numbers = itertools.count(1)

    def name(raw: RawHeaders) -> str:
        given = header(raw, b"x-request-id")
        if given and _REQUEST_ID.match(given):
            return given.decode("ascii")
        return f"{prefix}-{next(numbers):x}"

    return name
