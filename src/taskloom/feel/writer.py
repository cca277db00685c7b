"""Writes the Python text of the second back end: lines, names it counts itself, constants in the globals.

Nothing of a user's text gets into the lines: every name is a letter and a number, every value a global.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from taskloom.feel.diagnostics import Span

_INDENT: Final = " "
_WORDS: Final[dict[object, str]] = {None: "NULL", True: "TRUE", False: "FALSE"}


class Writer:
    """The lines of one module and its globals."""

    def __init__(self, helpers: dict[str, object]) -> None:
        self.lines: list[str] = []
        self.globals: dict[str, object] = {**helpers, "NULL": None, "TRUE": True, "FALSE": False}
        self.globals["__builtins__"] = {}
        self._depth = 0
        self._count = 0
        self._spans: dict[Span, str] = {}

    def line(self, text: str) -> None:
        """A line at the present depth."""
        self.lines.append(_INDENT * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A head line and, one deeper, what is written within."""
        self.line(head)
        self._depth += 1
        yield
        self._depth -= 1

    def name(self, letter: str) -> str:
        """A new name."""
        self._count += 1
        return f"{letter}{self._count}"

    def constant(self, value: object) -> str:
        """The name of a global that holds a value."""
        if value is None or value is True or value is False:
            return _WORDS[value]
        name = self.name("c")
        self.globals[name] = value
        return name

    def span(self, span: Span) -> str:
        """The name of the global that holds a place in the source."""
        if span not in self._spans:
            self._spans[span] = self.constant(span)
        return self._spans[span]

    def keep(self, expression: str) -> str:
        """Stores what an expression gives and answers the name."""
        name = self.name("t")
        self.line(f"{name} = {expression}")
        return name

    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines) + "\n"
