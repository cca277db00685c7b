"""The task view: the hot and the history table as one, no row of its own."""

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
