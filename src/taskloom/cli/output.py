"""What commands print: tables for people, JSON for programs, words about it on standard error.

Colour only on a terminal, and not with NO_COLOR. What a server says is printed without control characters,
for a terminal obeys them.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TextIO

_CELL_CHARS: Final = 60
_BAR_CHARS: Final = 30
_REDRAW_S: Final = 0.1
_COLOURS: Final = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A table on standard output: the columns by name, as wide as what stands in them."""
    lines = [[cell(row.get(column)) for column in columns] for row in rows]
    head = [column.replace("_", " ").upper() for column in columns]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    sys.stdout.write(painted(_line(head, widths), "bold") + "\n")
    sys.stdout.writelines(_line(line, widths) + "\n" for line in lines)


def print_record(record: Mapping[str, Any]) -> None:
    """One thing, a line for each of its members; what has members itself is shown as JSON."""
    width = max(map(len, record), default=0)
    for name, value in record.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else _plain(value)
        sys.stdout.write(f"{name:<{width}}  {printable(shown)}\n")


def show(value: Any, *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """A list as a table of these columns, or one thing; with `as_json` whichever it is as JSON."""
    if as_json:
        print_json(value)
    elif isinstance(value, list):
        print_table(columns, value)
    else:
        print_record(value)


def say(text: str) -> None:
    """Words for people, on standard error."""
    sys.stderr.write(printable(text) + "\n")


def cell(value: Any) -> str:
    """A value as it stands in a table."""
    text = printable(_plain(value))
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"


def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def painted(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour where that is wanted and possible."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def _plain(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip()


class Progress:
    """A bar on standard error while something long is done; nothing where that is no terminal."""

    def __init__(self, what: str, total: int = 0) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._drawn_at = 0.0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """No more comes; the bar stays as it is."""
        if self._shown and self._drawn_at:
            self._draw()
            sys.stderr.write("\n")

    def advance(self, by: int = 1) -> None:
        """So much more is done."""
        self.reach(self._done + by)

    def reach(self, done: int, total: int | None = None) -> None:
        """So much is done, of so much in all."""
        self._done = done
        self._total = self._total if total is None else total
        now = time.monotonic()
        if self._shown and now - self._drawn_at >= _REDRAW_S:
            self._drawn_at = now
            self._draw()

    def _draw(self) -> None:
        if not self._total:
            sys.stderr.write(f"\r{self._what} {self._done}")
            return
        filled = min(_BAR_CHARS, _BAR_CHARS * self._done // self._total)
        bar = "#" * filled + "." * (_BAR_CHARS - filled)
        sys.stderr.write(f"\r{self._what} [{bar}] {self._done}/{self._total}")
