"""What JSON may come in: two rules, told apart by who reads it.

*Opaque* JSON (inputs, results, variables) is kept byte for byte and read by whoever asked for it, so it must
only be JSON: UTF-8, at most 100 levels deep, whole characters, no NaN or Infinity. NUL, integers of any
length, huge exponents and repeated members pass, for losing a finished answer over one of them helps nobody.

*Strict* JSON (envelopes, identifiers, names, what is indexed) is read by us, by two databases and by
other clients, and must mean the same to all: no repeated members, no NUL, integers of 64 bits, numbers that a
double holds.

Every request comes through here, so both rules try cheap sufficient conditions first and walk through the
tokens only when those cannot tell.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from taskloom.core.limits import JSON_DEPTH

TOO_DEEP: Final = f"the JSON is nested deeper than {JSON_DEPTH} levels"
_NOT_UTF8: Final = "the JSON is not UTF-8"
_NUL: Final = "a string contains NUL"
_BIG_INTEGER: Final = "an integer does not fit into 64 bits"
_BIG_NUMBER: Final = "a number is too large"

_NOTHING: Final[frozenset[str]] = frozenset()
_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)

_SAFE_DIGITS: Final = 18
"""A number of so few characters, none of them an exponent, fits into 64 bits."""
_INTEGER_MIN: Final = -(1 << 63)
_INTEGER_MAX: Final = (1 << 63) - 1

_TOKEN: Final = re.compile(
    rb'[ \t\r\n]*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>[-0-9][-+.0-9eE]*)|(?P<mark>[\[\]{}:,])|[a-z]+)'
)
_RUN: Final = re.compile(rb"\[+|\]+")
_OPENING: Final = ord("[")
_WALK_BELOW: Final = 16
_WORTH_CUTTING: Final = 16
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_AFTER_VALUE: Final = frozenset({b",", b"}", b" ", b"\t", b"\r", b"\n"})
_STRING: Final = re.compile(rb'"[^"]*"')
_STRUCTURE: Final = b'[]{}"'
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(_STRUCTURE))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")


def opaque_error(body: bytes) -> str | None:
    """What is wrong with JSON that is only kept; None when nothing is."""
    return _text_error(body) or _syntax_error(body)


def strict_error(body: bytes, opaque: frozenset[str] = _NOTHING) -> str | None:
    """What is wrong with JSON that is read; the named members of the top object need only be opaque JSON."""
    error = _text_error(body)
    if error is not None:
        return error
    members: Mapping[str, msgspec.Raw] = {}
    if opaque or body[:1] == b"{":
        try:
            members = _MEMBERS.decode(body)
        except msgspec.ValidationError:
            members = {}  # JSON, but no object
        except msgspec.DecodeError as problem:
            return str(problem)
        if members and _is_plain(body, members, opaque):
            return None
    if not members and (error := _syntax_error(body)) is not None:
        return error
    skipped = {name: bytes(raw) for name, raw in members.items() if name in opaque}
    return _Walk(body, skipped).error()


def _text_error(body: bytes) -> str | None:
    """What can be told before parsing: the encoding, and a depth that a recursive parser must not meet."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            return _NOT_UTF8
    if body.count(b"[") + body.count(b"{") > JSON_DEPTH and _is_deep(body):
        return TOO_DEEP
    return None


def _syntax_error(body: bytes) -> str | None:
    try:
        _SYNTAX.decode(body)
    except msgspec.DecodeError as problem:
        return str(problem)
    return None


def _is_deep(body: bytes) -> bool:
    """Whether brackets outside of strings nest too deep; malformed JSON counts at least as a parser sees it.

    All but the brackets is taken away, then the innermost pairs level by level.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in marks:
        marks = _STRING.sub(b"", marks).partition(b'"')[0]
    marks = marks.translate(_ONE_KIND)
    for peeled in range(JSON_DEPTH + 1):
        # Few peaks in a long text cost little to walk over; many are worth a round. Either way it is linear.
        if marks.count(b"[]") * _WALK_BELOW < len(marks):
            return peeled + _height(marks) > JSON_DEPTH
        marks = marks.replace(b"[]", b"")
        if not marks:
            return False
    return True


def _height(marks: bytes) -> int:
    """How deep brackets nest, run by run; what closes too much counts for nothing."""
    height = highest = 0
    for run in _RUN.finditer(marks):
        size = run.end() - run.start()
        if marks[run.start()] == _OPENING:
            height += size
            highest = max(highest, height)
        else:
            height = max(0, height - size)
    return highest


def _is_plain(body: bytes, members: Mapping[str, msgspec.Raw], opaque: frozenset[str]) -> bool:
    """Whether cheap signs are enough: each member is simple or opaque, and its name stands there once."""
    for name, raw in members.items():
        value = bytes(raw)  # where it stands only once, what is left of the body can be searched without it
        if name not in opaque:
            if not _is_simple(value):
                return False
        elif len(value) >= _WORTH_CUTTING:
            at = body.find(value)
            if body.find(value, at + 1) < 0:
                body = body[:at] + body[at + len(value) :]
    return b"\\" not in body and all(body.count(b'"%b"' % name.encode()) == 1 for name in members)


def _is_simple(value: bytes) -> bool:
    """Whether a value cannot offend: text without escapes, a short plain number, true, false, null."""
    first = value[:1]
    if first == b'"':
        return b"\\" not in value
    if first in b"tfn":
        return True
    return first not in b"[{" and len(value) <= _SAFE_DIGITS and b"e" not in value and b"E" not in value


class _Walk:
    """Goes through the tokens of JSON whose syntax is known to be right."""

    def __init__(self, body: bytes, skipped: Mapping[str, bytes]) -> None:
        self._body = body
        self._skipped = skipped
        self._at = 0
        self._open: list[set[str] | None] = []
        """The members seen of each open object; None for an array."""

    def error(self) -> str | None:
        """The first offence, None when there is none."""
        is_name = False
        body = self._body
        while (token := _TOKEN.match(body, self._at)) is not None:
            self._at = token.end()
            kind = token.lastgroup
            if kind == "text":
                found = self._text(token["text"], is_name=is_name)
            elif kind == "number":
                found = _number_error(token["number"])
            else:
                found = None
            if found is not None:
                return found
            is_name = kind == "mark" and self._mark(token["mark"])
        return None

    def _mark(self, mark: bytes) -> bool:
        """Keep account of what is open; whether a name may follow."""
        if mark == b"{":
            self._open.append(set())
            return True
        if mark == b"[":
            self._open.append(None)
        elif mark in b"]}":
            self._open.pop()
        return mark == b"," and self._open[-1] is not None

    def _text(self, token: bytes, *, is_name: bool) -> str | None:
        if b"\\" not in token:
            text = token[1:-1].decode()
        else:
            text = _TEXT.decode(token)
            if "\0" in text:
                return _NUL
        names = self._open[-1] if is_name else None
        if names is None:
            return None
        is_opaque = len(self._open) == 1 and text in self._skipped
        if text in names or (is_opaque and not self._skip(self._skipped[text])):
            return f"the member {text[:40]!r} is repeated"
        names.add(text)
        return None

    def _skip(self, value: bytes) -> bool:
        """Pass over the value of an opaque member; False when another one stands there.

        The value is that of the last member of its name, so another one here means that there are several.
        """
        start = _BLANK.match(self._body, self._body.index(b":", self._at) + 1).end()  # type: ignore[union-attr]  # matches the empty text too
        self._at = start + len(value)
        return self._body.startswith(value, start) and self._body[self._at : self._at + 1] in _AFTER_VALUE


def _number_error(number: bytes) -> str | None:
    if len(number) <= _SAFE_DIGITS and b"e" not in number and b"E" not in number:
        return None
    if number.lstrip(b"-").isdigit():
        fits = len(number) <= 20 and _INTEGER_MIN <= int(number) <= _INTEGER_MAX
        return None if fits else _BIG_INTEGER
    return None if math.isfinite(float(number)) else _BIG_NUMBER
