"""How databases keep a task: whole, as a JSON array in the order of its fields, beside a few columns.

The columns are those that indexes and common searches need. To write and read one for each of more than
thirty fields took most of the time of a claim.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from taskloom.core.task import Task

COLUMNS: Final = (
    "key",
    "tenant",
    "queue",
    "level",
    "lane",
    "priority",
    "state",
    "dialect",
    "created_at",
    "flow",
    "root",
    "worker",
    "assignee",
    "finished_at",
)
"""Fields that have a column of their own as well."""

PLACES: Final = {name: place for place, name in enumerate(Task.__struct_fields__)}
"""Field -> where it stands in the array."""
_OF_DETAILS: Final = frozenset({"attributes"})
_encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Task).decode
"""The task that was written; what it was written without is as in a new one."""


def body(task: Task) -> str:
    """The task as it is written."""
    return _encode(task).decode()


def columns(task: Task) -> tuple[Any, ...]:
    """The values of `COLUMNS`."""
    # An int, for a member of an enum takes the binding several times as long.
    state = int(task.state)
    return (
        task.key,
        task.tenant,
        task.queue,
        task.level,
        task.lane,
        task.priority,
        state,
        task.dialect,
        task.created_at,
        task.flow,
        task.root,
        task.worker,
        task.assignee,
        task.finished_at,
    )


def source(names: Iterable[str], column: Callable[[str], str]) -> str:
    """The hot and the ended tasks as one, with these columns of the task view and no others.

    `column` spells what a field is read from, of `COLUMNS` or of the body of `t`. The view itself makes all
    its columns for every row that is looked at.
    """
    wanted = sorted({"key", "tenant", *names})
    shown = ", ".join(f"{'d.' + name if name in _OF_DETAILS else column(name)} AS {name}" for name in wanted)
    details = "" if _OF_DETAILS.isdisjoint(wanted) else " JOIN details d ON d.key = t.key"
    return f"(SELECT {shown} FROM tasks t{details} UNION ALL SELECT {shown} FROM history t{details})"  # noqa: S608
