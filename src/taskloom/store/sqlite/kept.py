"""A queue's lanes, shares and gates in memory, in the order in which they are served."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from taskloom.core.lanes import Gate, GateId, Lane, LaneId, Share, ShareId
from taskloom.ports.store import Shelf
from taskloom.store.lanes import Changed

Row = TypeVar("Row", Lane, Share)


class Clocked(Generic[Row]):
    """Rows that join one another at a floor: the lanes of a share, the shares of a level."""

    def __init__(self, highest: int = 0) -> None:
        self._rows: dict[str, Row | None] = {}
        self._with_work: list[tuple[int, str]] = []
        self._highest = highest  # clocks only go on, so no row need be looked at again

    def get(self, name: str) -> Row | None:
        """The row of that name."""
        return self._rows.get(name)

    def knows(self, name: str) -> bool:
        """Whether it is known what there is of that name, and be it nothing."""
        return name in self._rows

    def put_nothing(self, name: str) -> None:
        """There is no row of that name."""
        self._rows[name] = None

    def put(self, name: str, row: Row) -> bool:
        """Insert or replace; whether the name is new."""
        is_new = name not in self._rows
        old = self._rows.get(name)
        self._rows[name] = row
        self._highest = max(self._highest, row.virtual_time)
        before, place = _place(name, old), _place(name, row)
        if before != place:
            if before is not None:
                del self._with_work[bisect_left(self._with_work, before)]
            if place is not None:
                insort(self._with_work, place)
        return is_new

    def with_work(self) -> Iterator[Row]:
        """Those that have work, by virtual time and name."""
        return (row for _, name in self._with_work if (row := self._rows[name]) is not None)

    def floor(self) -> int:
        """`floor_of` all of them."""
        return self._with_work[0][0] if self._with_work else self._highest


def _place(name: str, row: Lane | Share | None) -> tuple[int, str] | None:
    """Where a row stands among those with work; nowhere without."""
    return (row.virtual_time, name) if row is not None and row.depth > 0 else None


class KeptQueue:
    """One queue: its gates, its shares, its lanes with work, and those idle ones that were asked for.

    `highest` has the highest clock of the idle lanes of each share. `size` counts what is kept.
    """

    def __init__(self, rows: Changed, highest: Mapping[ShareId, int]) -> None:
        self.size = 0
        self._lanes: dict[ShareId, Clocked[Lane]] = {share: Clocked(at) for share, at in highest.items()}
        self._levels: dict[int, Clocked[Share]] = {}
        self._gates: dict[GateId, Gate] = {}
        self.put(rows)

    def put(self, rows: Changed) -> None:
        """Rows as they are from now on."""
        for name, lane in rows.lanes.items():
            self.size += self._lanes.setdefault(name[:3], Clocked()).put(name[3], lane)
        for (_, level, tenant), share in rows.shares.items():
            self.size += self._levels.setdefault(level, Clocked()).put(tenant, share)
        self.size -= len(self._gates)
        self._gates |= rows.gates
        self.size += len(self._gates)

    def unknown(self, names: Iterable[LaneId]) -> list[LaneId]:
        """Those of these lanes of which nothing is known."""
        return [name for name in names if not self._lanes.get(name[:3], _NO_LANES).knows(name[3])]

    def learn(self, names: Iterable[LaneId], found: Mapping[LaneId, Lane]) -> None:
        """What there is of these lanes, which are idle."""
        for name in names:
            lanes = self._lanes.setdefault(name[:3], Clocked())
            if name in found:
                lanes.put(name[3], found[name])
            else:
                lanes.put_nothing(name[3])
            self.size += 1

    def lane(self, name: LaneId) -> Lane | None:
        """A lane, if there is one of that name."""
        return self._lanes.get(name[:3], _NO_LANES).get(name[3])

    def share(self, name: ShareId) -> Share | None:
        """A share, if there is one of that name."""
        return self._levels.get(name[1], _NO_SHARES).get(name[2])

    def gate(self, name: GateId) -> Gate | None:
        """A gate, if there is one of that name."""
        return self._gates.get(name)

    def shares_on(self, shelf: Shelf) -> Iterator[Share]:
        """The shares of a shelf that have work, by level, virtual time and tenant."""
        for level in sorted(self._levels) if shelf.level < 0 else (shelf.level,):
            shares = self._levels.get(level, _NO_SHARES)
            if shelf.tenant is None:
                yield from shares.with_work()
            elif (share := shares.get(shelf.tenant)) is not None and share.depth > 0:
                yield share

    def lanes_of(self, share: ShareId) -> Iterator[Lane]:
        """The lanes of a share that have work, by virtual time and name."""
        return self._lanes.get(share, _NO_LANES).with_work()

    def lane_floor(self, share: ShareId) -> int:
        """`floor_of` the lanes of a share."""
        return self._lanes.get(share, _NO_LANES).floor()

    def share_floor(self, queue: str, level: int) -> int:
        """`floor_of` the shares of a level."""
        del queue
        return self._levels.get(level, _NO_SHARES).floor()


_NO_LANES: Final[Clocked[Lane]] = Clocked()
_NO_SHARES: Final[Clocked[Share]] = Clocked()
