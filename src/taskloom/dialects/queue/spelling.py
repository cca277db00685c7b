"""Task ids: `TASK-<queueId>-<level>-<mode>-<yyMMddHHmmss>-<node4>-<serial6>`, reversible spellings of keys.

Second, node and serial are the key. Queue id, level and mode tell the reader something and are not trusted
on input. Two digits of the year name 2024 to 2123.
"""

import calendar
import functools
import re
from datetime import UTC, datetime
from typing import Final

from taskloom.core.keys import NODE_LIMIT, KeyParts, is_key, join, split

_PATTERN: Final = re.compile(
    r"TASK-[0-9]{1,19}-[0-9]-[BSCP]-([0-9]{6})([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])-([0-9]{4})-([0-9]{6})\Z"
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
    day, hour, minute, second, node, serial = found.groups()
    midnight = _midnight(day)
    if midnight is None or int(node) >= NODE_LIMIT:
        return None
    at = midnight + int(hour) * 3600 + int(minute) * 60 + int(second)
    key = join(KeyParts(at, int(serial), int(node)))
    return key if is_key(key) else None


@functools.lru_cache(maxsize=64)
def _midnight(day: str) -> int | None:
    """The second at which a day `yyMMdd` begins, None for no such day; most ids are of a few days."""
    year, month, date = int(day[:2]), int(day[2:4]), int(day[4:])
    try:
        began = datetime(
            year + (_CENTURY if year >= _FIRST_YEAR else _CENTURY + 100), month, date, tzinfo=UTC
        )
    except ValueError:
        return None
    return calendar.timegm(began.timetuple())
