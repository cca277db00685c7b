"""Keys: one 63-bit integer names every task, flow, payload and outbox row.

Layout, from the high end: 32 bits of seconds since 2024-01-01 UTC, 20 bits of serial within the second
(at most 999,999, so that six decimal digits can spell it), 11 bits of node. Keys of one node rise strictly,
also when the clock steps back; a maker that starts again begins above the last key its store has seen.
"""

from typing import NamedTuple

EPOCH_S = 1_704_067_200
"""2024-01-01T00:00:00Z in Unix seconds."""

NODE_BITS = 11
SERIAL_BITS = 20
SERIAL_LIMIT = 1_000_000
NODE_LIMIT = 1 << NODE_BITS
SECOND_SHIFT = SERIAL_BITS + NODE_BITS
KEY_LIMIT = 1 << 63
_STEP = 1 << NODE_BITS


class KeyParts(NamedTuple):
    """The three fields of a key: second (Unix), serial within it, node that made it."""

    second: int
    serial: int
    node: int


def join(parts: KeyParts) -> int:
    """The key made of these parts; `split` is its inverse."""
    return ((parts.second - EPOCH_S) << SECOND_SHIFT) | (parts.serial << NODE_BITS) | parts.node


def split(key: int) -> KeyParts:
    """The parts of a key; `join` is its inverse."""
    second = (key >> SECOND_SHIFT) + EPOCH_S
    return KeyParts(second, (key >> NODE_BITS) & ((1 << SERIAL_BITS) - 1), key & (NODE_LIMIT - 1))


def is_key(number: int) -> bool:
    """Whether a number could be a key: positive, 63 bits, a serial that six digits can spell."""
    return 0 < number < KEY_LIMIT and split(number).serial < SERIAL_LIMIT


class KeyMaker:
    """Makes the keys of one node: strictly rising, never one twice.

    `floor` is the highest key the store has recorded for the node; the first key made lies in a later second,
    so keys handed out before a crash, recorded or not, cannot come again as long as fewer than a second's
    worth were unrecorded (a batch is far smaller).
    """

    __slots__ = ("_last", "_node")

    def __init__(self, node: int, floor: int = 0) -> None:
        if not 0 <= node < NODE_LIMIT:
            raise ValueError(f"node must be 0..{NODE_LIMIT - 1}, but is {node}")
        self._node = node
        second_after = (floor >> SECOND_SHIFT) + 1 if floor else 0
        self._last = (second_after << SECOND_SHIFT) | node
        if floor == 0:
            self._last = node

    @property
    def last(self) -> int:
        """The highest key made so far, to be recorded with the batch that used it."""
        return self._last

    def make(self, now_ms: int) -> int:
        """A new key, not below the second of `now_ms`."""
        base = ((now_ms // 1000 - EPOCH_S) << SECOND_SHIFT) | self._node
        key = self._last + _STEP
        if base > key:
            key = base
        elif (key >> NODE_BITS) & ((1 << SERIAL_BITS) - 1) >= SERIAL_LIMIT:
            key = (((key >> SECOND_SHIFT) + 1) << SECOND_SHIFT) | self._node
        self._last = key
        return key
