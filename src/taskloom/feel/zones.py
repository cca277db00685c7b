"""Offsets of named time zones.

Two kinds of questions: which offset holds at a local date and time, and which one a bare time of day has. A
bare time has no date, so it gets the zone's standard offset, without daylight saving.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taskloom.feel import civil

_ZONES_CACHED: Final = 256
_STANDARD_YEAR: Final = 2024
_DAY_S: Final = 86_400
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_FUTURE_CYCLE: Final = 2000


@lru_cache(maxsize=_ZONES_CACHED)
def find(name: str) -> ZoneInfo | None:
    """The zone of that name, or None when the zone data has none."""
    if name not in _known_names():
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def _known_names() -> frozenset[str]:
    """The names that are worth a look into the zone files: a text may ask for any number of others."""
    names = (resources.files("tzdata") / "zones").read_text(encoding="utf-8")
    return frozenset(names.split())


def is_zone(name: str) -> bool:
    """Whether the zone data has a zone of that name."""
    return find(name) is not None


def offset_at(name: str, days: int, second_of_day: int) -> int:
    """Seconds east of UTC at a local date and time; in an overlap the earlier offset counts."""
    zone = find(name)
    return 0 if zone is None else _seconds(_local(days, second_of_day, zone).utcoffset())


def to_local(name: str, days: int, second_of_day: int) -> int:
    """Seconds east of UTC that the zone has at a date and time of UTC."""
    zone = find(name)
    if zone is None:
        return 0
    return _seconds(_local(days, second_of_day, UTC).astimezone(zone).utcoffset())


def local_at(name: str, epoch_s: int) -> tuple[int, int, int]:
    """Day number, second of the day and offset that clocks of the zone show at an instant."""
    days, second = divmod(epoch_s, _DAY_S)
    days += _EPOCH_ORDINAL
    offset_s = to_local(name, days, second)
    local_days, local_second = divmod(days * _DAY_S + second + offset_s, _DAY_S)
    return local_days, local_second, offset_s


@lru_cache(maxsize=_ZONES_CACHED)
def standard_offset(name: str) -> int:
    """Seconds east of UTC without daylight saving."""
    zone = find(name)
    if zone is None:
        return 0
    winter = datetime(_STANDARD_YEAR, 1, 1, tzinfo=zone)
    return _seconds(winter.utcoffset()) - _seconds(winter.dst())


def _local(days: int, second_of_day: int, zone: tzinfo) -> datetime:
    """A `datetime`; years beyond its calendar are read as a year of the same shape inside it."""
    year, month, day = civil.from_ordinal(days)
    if not 1 < year < 9999:
        year = year % civil.CYCLE_YEARS + (_FUTURE_CYCLE if year > 1 else civil.CYCLE_YEARS)
    hour, rest = divmod(second_of_day, 3600)
    return datetime(year, month, day, hour, rest // 60, rest % 60, tzinfo=zone)


def _seconds(delta: timedelta | None) -> int:
    return 0 if delta is None else delta.days * _DAY_S + delta.seconds
