"""A consistent copy of the database while a server works on it, in this process or in another.

The copy is made in one read transaction: it holds all that was committed when it began and nothing that came
later. Writers go on; the log grows meanwhile, because nothing that is still read is overwritten.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from taskloom.ports.store import NotCopiedError, Tell

Connection = sqlite3.Connection

_PAGES: Final = 2_000
"""How many pages are copied between two reports."""


def copied(source: Connection, target: Path, tell: Tell) -> dict[str, int]:
    """Copy what `source` sees into a new file, verify it; answers the rows of each table."""
    try:
        rows = _copy(source, target, tell)
        tell("verifying", 0, 0)
        verify(target, rows)
    except sqlite3.Error as error:
        raise NotCopiedError(f"the database cannot be copied: {error}") from error
    return rows


def _copy(source: Connection, target: Path, tell: Tell) -> dict[str, int]:
    source.execute("BEGIN")
    try:
        rows = _rows(source)  # the first read is the instant the copy is of
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            source.backup(
                copy, pages=_PAGES, progress=lambda _, left, total: tell("copying", total - left, total)
            )
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    finally:
        source.execute("ROLLBACK")
    return rows


def verify(path: Path, rows: dict[str, int]) -> None:
    """Raises when the file is damaged or holds other numbers of rows."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise NotCopiedError(f"the copy is damaged, as the original may be: {found}")
        if _rows(copy) != rows:
            raise NotCopiedError("the copy holds other numbers of rows than the original")


def _rows(connection: Connection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    count = "SELECT count(*) FROM "
    return {name: connection.execute(f'{count} "{name}"').fetchone()[0] for (name,) in sorted(tables)}
