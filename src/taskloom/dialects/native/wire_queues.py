"""The shapes of the native API's queues. A limit or rate of 0 is none; rates are tasks started a minute."""

from typing import Annotated

from msgspec import Meta, Struct

from taskloom.core.limits import (
    AGING_MS_MAX,
    LANE_LIMIT_MAX,
    LANE_RATE_MAX,
    LANE_WEIGHT_MAX,
    LEVELS,
    NAME_LENGTH,
    PAUSE_S_MAX,
)
from taskloom.dialects.native.wire_tasks import Instant

Limit = Annotated[int, Meta(ge=0, le=LANE_LIMIT_MAX)]
Rate = Annotated[int, Meta(ge=0, le=LANE_RATE_MAX)]
KeyName = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f/]*$(?!\n)")]
Until = str | None
"""When a pause ends: an instant, or `resumed` when somebody must do so."""


class LevelView(Struct):
    """What waits and is under way at a level."""

    level: int
    ready: int
    in_flight: int


class QueueSummary(Struct):
    """A queue in a list."""

    queue: str
    ready: int
    in_flight: int
    levels: list[LevelView]


class QueueList(Struct):
    """All queues of the tenant."""

    items: list[QueueSummary]


class KeyView(Struct):
    """What one submitter has in a queue at a level; rows of its batches stand apart."""

    key: str
    batch: bool
    level: int
    ready: int
    in_flight: int
    entered: int
    ended: int
    limit: int
    rate: int
    burst: int
    weight: int
    paused_until: Until
    turns: int
    """How far its clock is: who has the lowest is next."""


class QueueView(Struct):
    """A queue, what holds for it, and its keys."""

    queue: str
    in_flight: int
    limit: int
    rate: int
    burst: int
    key_limit: int
    key_rate: int
    batch_limit: int
    batch_rate: int
    aging_ms: int
    paused_until: Until
    keys: list[KeyView]


class KeySettings(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What shall hold for one key; 0 takes what the queue says of its keys. Without a level: at each."""

    key: KeyName
    batch: bool = False
    level: Annotated[int, Meta(ge=0, lt=LEVELS)] | None = None
    limit: Limit | None = None
    rate: Rate | None = None
    burst: Limit | None = None
    weight: Annotated[int, Meta(ge=1, le=LANE_WEIGHT_MAX)] | None = None


class QueueSettings(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What shall hold for a queue; what is not named stays."""

    limit: Limit | None = None
    rate: Rate | None = None
    burst: Limit | None = None
    key_limit: Limit | None = None
    key_rate: Rate | None = None
    batch_limit: Limit | None = None
    batch_rate: Rate | None = None
    aging_ms: Annotated[int, Meta(ge=0, le=AGING_MS_MAX)] | None = None
    keys: Annotated[list[KeySettings], Meta(max_length=100)] = []


class Pause(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A pause of a queue, or of one key in it; without an end until it is resumed."""

    key: KeyName = ""
    batch: bool = False
    seconds: Annotated[int, Meta(ge=1, le=PAUSE_S_MAX)] | None = None
    until: Instant | None = None


class Clear(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be cleared of a queue; without a level: all of it."""

    level: Annotated[int, Meta(ge=0, lt=LEVELS)] | None = None


class Clearing(Struct):
    """The task of the server that cancels what waits, and that can be read like any other."""

    task: str


class Resume(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The end of a pause."""

    key: KeyName = ""
    batch: bool = False
