"""How PostgreSQL spells a task that is kept whole: texts as in its columns, fields read out of JSON."""

from collections.abc import Callable
from typing import Final

from msgspec import structs

from taskloom.core.task import Task
from taskloom.store import packed
from taskloom.store.postgres.text import shown, stored

_TEXTS: Final = tuple(name for name, kind in Task.__annotations__.items() if kind is str)
_OF_BODY: Final = {
    int: "(t.body::json ->> {})::bigint",
    str: '(t.body::json ->> {}) COLLATE "C"',
    bool: "(t.body::json ->> {})::boolean::integer::bigint",
}
_SMALL: Final = frozenset({"level", "state"})


def body(task: Task) -> str:
    """The task as it is written.

    JSON would escape a NUL, but no operator of PostgreSQL reads that escape.
    """
    written = packed.body(task)
    if "\\u0000" in written or "\\u0001" in written:
        return packed.body(_spelled(task, stored))
    return written


def task_of(written: str) -> Task:
    """The task of a body."""
    task = packed.decode(written)
    return _spelled(task, shown) if "\\u0001" in written else task


def _spelled(task: Task, spell: Callable[[str], str]) -> Task:
    return structs.replace(task, **{name: spell(getattr(task, name)) for name in _TEXTS})


def column(name: str) -> str:
    """What a column of the task view is read from; wide enough for any number a filter may name."""
    if name in _SMALL:
        return f"t.{name}::bigint"
    if name in packed.COLUMNS:
        return f"t.{name}"
    return _OF_BODY[Task.__annotations__[name]].format(packed.PLACES[name])
