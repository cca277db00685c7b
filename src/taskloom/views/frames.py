"""The frames of streams: one row each, read in order of their numbers."""

from collections.abc import Iterable

import msgspec

from taskloom.core.events import FlowEvent
from taskloom.flows.stream import FRAME, Frame
from taskloom.views.view import ColumnType, RowChange, Value, View

FRAMES = View(
    "frames",
    {"task": ColumnType.INTEGER, "number": ColumnType.INTEGER, "body": ColumnType.JSON},
    indexes=(("task", "number"),),
)


def project_frames(event: FlowEvent, _at: int) -> Iterable[RowChange]:
    """A frame is a row."""
    if event.name != FRAME:
        return
    frame = msgspec.json.decode(event.body, type=Frame)
    values: dict[str, Value] = {"task": frame.task, "number": frame.number, "body": bytes(frame.body)}
    yield RowChange(FRAMES.name, frame.key, event.tenant, values)
