"""Ranges of bytes, RFC 9110 section 14: one range is served, of several the whole."""

import re
from typing import Final

_ONE: Final = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})\Z")


class UnsatisfiableError(ValueError):
    """No byte of the range is there."""


def span(header: str, size: int) -> tuple[int, int] | None:
    """(first, one past the last) of what is asked for; None for all, also where it is not understood."""
    found = _ONE.match(header.replace(" ", ""))
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        tail = int(found["last"])
        if not tail or not size:
            raise UnsatisfiableError
        return max(0, size - tail), size
    first = int(found["first"])
    last = int(found["last"]) if found["last"] else size - 1
    if found["last"] and last < first:
        return None
    if first >= size:
        raise UnsatisfiableError
    return first, min(last, size - 1) + 1
