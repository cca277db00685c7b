"""What the writer remembers of lanes changes neither its answers nor what is stored."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from taskloom.core.lanes import TICK, LaneChange
from taskloom.core.terms import Terms
from taskloom.engine.batch import empty_save
from taskloom.ports.store import Load, Openings, OpenLanes, Shelf
from taskloom.store import changes
from taskloom.store.migrations import migrations
from taskloom.store.sqlite import batches, lanes
from taskloom.store.sqlite import hot_lanes as module
from taskloom.store.sqlite.hot import HotTasks
from taskloom.store.sqlite.hot_lanes import HotLanes
from taskloom.store.tables import MemoryData

QUEUES, TENANTS = ("p", "q"), ("t", "u")
LANES = [
    (queue, level, tenant, name)
    for queue in QUEUES
    for level in (1, 2)
    for tenant in TENANTS
    for name in ("a", "b", "b/batch")
]
GATES = [(queue, tenant) for queue in QUEUES for tenant in TENANTS]
SHELVES = [Shelf(queue, level, tenant) for queue in QUEUES for level in (-1, 1) for tenant in (None, "t")]
LANE = LANES[0]
LEFT_FOR = 3
NEVER, SOME, ALWAYS = 0, 9, 1_000
"""Rows of a queue that are kept: it is always left to SQL, soon outgrows the memory, or stays in it."""


class Writer:
    """A database and what is remembered of it, with such bounds."""

    def __init__(self, per_queue: int, total: int = 1_000):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in migrations("taskloom.store.sqlite"):
            self.connection.executescript(migration.sql)
        self.bounds = {"LANES_CACHED_PER_QUEUE": per_queue, "LANES_CACHED": total, "LANES_LEFT_FOR": LEFT_FOR}
        self.hot = HotLanes()
        self.statements = []
        self.connection.set_trace_callback(self.statements.append)

    def ask(self, request):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.bounds.items():
                patch.setattr(module, name, value)
            return batches.answer(self.connection, request, HotTasks(), self.hot)

    def begin(self):
        self.connection.execute("BEGIN")

    def commit(self):
        self.connection.execute("COMMIT")

    def undo(self):
        self.connection.execute("ROLLBACK")
        self.hot.forget()

    def restart(self):
        self.hot = HotLanes()

    def rows(self):
        return [
            sorted(self.connection.execute(f"SELECT * FROM {table}").fetchall())
            for table in ("lanes", "shares")
        ]

    def reads(self):
        """What was read of lanes by statements since the last time it was asked."""
        found = [text for text in self.statements if text.startswith("SELECT")]
        self.statements.clear()
        return found


class Model:
    """The memory store says what is right."""

    def __init__(self):
        self.data = MemoryData()

    def ask(self, request):
        return changes.answer(self.data, {}, request)

    def begin(self):
        pass

    def commit(self):
        self.data.commit()

    def undo(self):
        self.data.roll_back()

    def restart(self):
        pass


def saving(**changed):
    return structs.replace(empty_save(), **{"now": 5_000, **changed})


def put(*names, **change):
    return saving(lanes={name: LaneChange(**(change or {"depth": 1, "entered": 1})) for name in names})


lane_names, gate_names = st.sampled_from(LANES), st.sampled_from(GATES)
lane_terms = st.builds(Terms, rate=st.sampled_from([0, 1, 60, 6_000]), burst=st.integers(0, 3))
lane_settings = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(0, 2),
        "rate": st.sampled_from([0, 1, 120]),
        "burst": st.integers(0, 4),
        "weight": st.integers(0, 3),
        "paused_until": st.sampled_from([0, 4_000, 90_000]),
    },
)
gate_settings = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(0, 3),
        "rate": st.sampled_from([0, 1, 120]),
        "paused_until": st.sampled_from([0, 4_000, 90_000]),
        "key_limit": st.integers(0, 2),
        "key_rate": st.sampled_from([0, 1, 120]),
        "batch_limit": st.integers(0, 1),
        "batch_rate": st.sampled_from([0, 2]),
        "aging_ms": st.sampled_from([0, 1_000]),
    },
)


@st.composite
def lane_changes(draw):
    started = draw(st.integers(0, 2))
    return LaneChange(
        depth=draw(st.integers(-2, 3)),
        in_flight=draw(st.integers(-1, 2)),
        virtual_time=started * TICK // draw(st.integers(1, 3)),
        started=started,
        entered=draw(st.integers(0, 2)),
        ended=draw(st.integers(0, 2)),
    )


saves = st.builds(
    saving,
    lanes=st.dictionaries(lane_names, lane_changes(), max_size=4),
    tuned=st.lists(st.tuples(lane_names, lane_settings), max_size=2),
    gates=st.lists(st.tuples(gate_names, gate_settings), max_size=2),
    terms=st.dictionaries(lane_names, lane_terms, max_size=4),
    gate_terms=st.dictionaries(gate_names, lane_terms, max_size=2),
    now=st.integers(4_000, 6_000),
)
steps = st.lists(
    st.tuples(saves, st.sampled_from(["kept", "kept", "kept", "undone", "restarted"])), max_size=12
)


@settings(max_examples=30, deadline=None)
@given(steps, st.integers(1, 5), st.integers(3_000, 70_000))
def test_answers_and_rows_are_the_same_whatever_is_remembered(steps, limit, now):
    writers = [Writer(NEVER), Writer(SOME), Writer(ALWAYS), Writer(ALWAYS, total=SOME)]
    everyone = [Model(), *writers]
    for save, fate in steps:
        for one in everyone:
            one.begin()
            one.ask(save)
            one.undo() if fate == "undone" else one.commit()
            if fate == "restarted":
                one.restart()
        right, *others = [said_by(one, limit, now) for one in everyone]
        for other in others:
            assert other == right
        first, *rest = [writer.rows() for writer in writers]
        for rows in rest:
            assert rows == first


def said_by(one, limit, now):
    """All that can be asked about lanes."""
    offers = one.ask(OpenLanes(SHELVES, limit, now, LANES))
    return (
        [(offer.lanes, list(offer.shares.items()), offer.gates) for offer in offers[:-1]],
        {lane.id: lane for lane in offers[-1].lanes},
        offers[-1].shares,
        offers[-1].gates,
        one.ask(Openings(SHELVES, now)),
        one.ask(Load(lanes=LANES)).lanes,
    )


@given(
    st.sampled_from(LANES),
    st.sampled_from([0, 60, 120, 180]),
    st.sampled_from([0, 60, 120, 180]),
    st.integers(0, 4),
    st.integers(0, 5),
)
@settings(deadline=None)
def test_a_rate_holds_back_alike_whatever_is_remembered(name, own, common, burst, started):
    everyone = [Model(), Writer(NEVER), Writer(ALWAYS)]
    gate = {"batch_rate" if name[3].endswith("/batch") else "key_rate": common}
    settled = saving(
        tuned=[(name, {"rate": own, "burst": burst})],
        gates=[((name[0], name[2]), gate)],
        lanes={name: LaneChange(depth=9, started=started)},
        terms={name: Terms(rate=own or common or 60)},
    )
    for one in everyone:
        one.ask(settled)

    offers = [one.ask(OpenLanes([Shelf(name[0], -1, None)], 10, 5_000))[0] for one in everyone]

    assert [len(offer.lanes) for offer in offers] == [len(offers[0].lanes)] * len(everyone)


def test_of_a_queue_that_is_known_nothing_is_read():
    writer = Writer(ALWAYS)
    writer.ask(put(LANE, LANES[1]))
    writer.reads()

    writer.ask(put(LANE, LANES[1]))
    writer.ask(OpenLanes([Shelf("p", 1, "t")], 10, 5_000, [LANE]))
    writer.ask(put(LANE, depth=-1, in_flight=1, started=1, virtual_time=TICK))

    assert writer.reads() == []


def test_a_save_writes_the_rows_that_changed_and_no_others():
    writer = Writer(ALWAYS)
    writer.ask(put(*LANES))
    writer.statements.clear()

    writer.ask(put(LANE))

    written = [text.split(" (")[0] for text in writer.statements if text.startswith("INSERT")]
    assert written == ["INSERT OR REPLACE INTO lanes", "INSERT OR REPLACE INTO shares"]


def look(writer):
    """The lanes of a queue that have work."""
    (offer, _) = writer.ask(OpenLanes([Shelf("p", -1, None)], 10, 5_000))
    return [lane.id for lane in offer.lanes]


def test_a_queue_that_outgrows_the_memory_is_left_to_sql_until_it_is_small_again():
    writer = Writer(SOME)
    writer.ask(put(LANE))
    writer.ask(put(*LANES[:8]))
    for _ in range(2 * LEFT_FOR):
        writer.reads()
        assert look(writer) == LANES[:8]
        assert writer.reads() != []

    writer.ask(put(*LANES[1:8], depth=-1))
    for _ in range(LEFT_FOR + 1):
        assert look(writer) == [LANE]
    writer.reads()

    assert look(writer) == [LANE]
    assert writer.reads() == []


def test_idle_lanes_that_come_to_be_known_do_not_fill_the_memory():
    writer = Writer(SOME)
    writer.ask(put(LANE))
    for number in range(20):
        name = ("p", 1, "t", str(number))
        writer.ask(put(name))
        assert set(look(writer)) == {LANE, name}
        writer.ask(put(name, depth=-1))
        assert kept_rows(writer) <= SOME + 1


def test_what_is_handed_out_is_a_copy():
    writer = Writer(ALWAYS)
    writer.ask(saving(lanes={LANE: LaneChange(depth=2)}, gates=[(("p", "t"), {"limit": 9})]))
    request = OpenLanes([Shelf("p", 1, "t")], 10, 5_000, [LANE])

    for offer in writer.ask(request):
        offer.lanes[0].depth = offer.shares[LANE[:3]].depth = offer.gates["p", "t"].limit = 77

    for offer in writer.ask(request):
        assert offer.lanes[0].depth == offer.shares[LANE[:3]].depth == 2
        assert offer.gates["p", "t"].limit == 9


def test_queues_that_are_looked_at_do_not_fill_the_memory():
    writer = Writer(ALWAYS, total=20)

    for number in range(100):
        writer.ask(OpenLanes([Shelf(f"empty {number}", 1, "t")], 10, 5_000))
        assert kept_rows(writer) <= 21


def test_queues_that_grow_do_not_fill_the_memory():
    writer = Writer(ALWAYS, total=20)

    for number in range(100):
        writer.ask(put(*[(queue, 1, "t", str(number)) for queue in QUEUES]))
        assert kept_rows(writer) <= 20

    assert len(lanes.of_queue(writer.connection, "q", None, 1_000)) == 100


def kept_rows(writer):
    queues = writer.hot._queues.values()
    return len(queues) + sum(kept.size for kept in queues if kept is not None)
