"""Task ids: `TASK-<queueId>-<level>-<mode>-<yyMMddHHmmss>-<node4>-<serial6>`, reversible spellings of keys.

Second, node and serial are the key. Queue id, level and mode tell the reader something and are not trusted
on input. Two digits of the year name 2024 to 2123.
"""

import calendar
import re
from datetime import UTC, datetime
from typing import Final

from taskloom.core.keys import NODE_LIMIT, KeyParts, is_key, join, split

_PATTERN: Final = re.compile(
    r"TASK-[0-9]{1,19}-[0-9]-[BSCP]-([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})-([0-9]{4})-([0-9]{6})\Z"
)
_CENTURY: Final = 2000
_FIRST_YEAR: Final = 24


def spell(key: int, queue_id: int, level: int, mode: str) -> str:
    """The id of a task."""
    parts = split(key)
    at = datetime.fromtimestamp(parts.second, UTC)
    return f"TASK-{queue_id}-{level}-{mode}-{at:%y%m%d%H%M%S}-{parts.node:04d}-{parts.serial:06d}"


def read(text: str) -> int | None:
    """The key that an id spells, None when it is no id; the inverse of `spell`."""
    found = _PATTERN.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, node, serial = map(int, found.groups())
    try:
        year += _CENTURY if year >= _FIRST_YEAR else _CENTURY + 100
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    if node >= NODE_LIMIT:
        return None
    key = join(KeyParts(calendar.timegm(at.timetuple()), serial, node))
    return key if is_key(key) else None
