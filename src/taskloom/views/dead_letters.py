"""The view of dead letters: tasks that failed for good and that nobody has replayed or discarded."""

from typing import Final

from taskloom.core.task import Task
from taskloom.views.view import ColumnType, RowChange, Value, View

_I, _T = ColumnType.INTEGER, ColumnType.TEXT

DEAD_LETTERS: Final = View(
    "dead_letters",
    {
        "queue": _T,
        "level": _I,
        "lane": _T,
        "dialect": _T,
        "code": _T,
        "attempts": _I,
        "created_at": _I,
        "died_at": _I,
    },
    indexes=(("queue", "code"),),
)


def dead_letter(task: Task) -> RowChange:
    """The row of a task that has become a dead letter, or no row once it is none any more."""
    if not task.is_dead:
        return RowChange(DEAD_LETTERS.name, task.key, task.tenant, None)
    values: dict[str, Value] = {
        "queue": task.queue,
        "level": task.level,
        "lane": task.lane,
        "dialect": task.dialect,
        "code": task.error_code,
        "attempts": task.attempt,
        "created_at": task.created_at,
        "died_at": task.finished_at,
    }
    return RowChange(DEAD_LETTERS.name, task.key, task.tenant, values)
