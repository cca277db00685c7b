"""The view of deliveries: one row for each call that leaves, with its latest attempts."""

from typing import Final

from taskloom.views.view import ColumnType, View

_I, _T, _J = ColumnType.INTEGER, ColumnType.TEXT, ColumnType.JSON

PENDING: Final = "pending"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"

DELIVERIES = View(
    "deliveries",
    {
        "state": _T,
        "subject": _I,
        "webhook": _I,
        "event": _T,
        "url": _T,
        "attempts": _I,
        "next_at": _I,
        "ended_at": _I,
        "reason": _T,
        "log": _J,
        "body": _J,
    },
    indexes=(("state",), ("subject",), ("webhook",)),
)
