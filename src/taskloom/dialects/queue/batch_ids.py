"""Batch ids: `BATCH-<queueId>-<level>-<yyMMddHHmmss>-<node4>-<serial6>`, task ids without a mode."""

from typing import Final

from taskloom.dialects.queue import spelling
from taskloom.flows.batch_state import ROW_LEVEL

_BATCH: Final = "BATCH-"
_MODE: Final = "P"


def spell(key: int, queue_id: int) -> str:
    """The id of a batch."""
    _, queue, level, _, rest = spelling.spell(key, queue_id, ROW_LEVEL, _MODE).split("-", 4)
    return f"{_BATCH}{queue}-{level}-{rest}"


def read(text: str) -> int | None:
    """The key that an id spells, None when it is no id; the inverse of `spell`."""
    parts = text.removeprefix(_BATCH).split("-", 2)
    if not text.startswith(_BATCH) or len(parts) != 3:
        return None
    queue, level, rest = parts
    return spelling.read(f"TASK-{queue}-{level}-{_MODE}-{rest}")
