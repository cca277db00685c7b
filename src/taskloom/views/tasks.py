"""The task view: the hot and the history table as one, no row of its own."""

from collections.abc import Mapping
from typing import Any

from taskloom.core.task import Task, TaskState
from taskloom.views.view import ColumnType, View

_I, _T, _J = ColumnType.INTEGER, ColumnType.TEXT, ColumnType.JSON

TASKS = View(
    "tasks",
    {
        "queue": _T,
        "level": _I,
        "lane": _T,
        "priority": _I,
        "state": _I,
        "dialect": _T,
        "created_at": _I,
        "flow": _I,
        "root": _I,
        "callback": _I,
        "ready_at": _I,
        "expires_at": _I,
        "retries": _I,
        "losses": _I,
        "attempt": _I,
        "worker": _T,
        "holder": _T,
        "lease_until": _I,
        "assignee": _T,
        "finished_at": _I,
        "finished_by": _T,
        "result_key": _I,
        "error_code": _T,
        "error": _T,
        "attributes": _J,
    },
)


def task_of(row: Mapping[str, Any]) -> Task:
    """A row of the view as a task; what the view does not show is as in a new one."""
    fields = {name: row[name] for name in Task.__struct_fields__ if name in row}
    return Task(**fields | {"state": TaskState(row["state"]), "callback": bool(row["callback"])})
