"""What was committed is there after closing and opening again; nodes and keys do not repeat."""

from taskloom.core.lanes import LaneChange
from taskloom.ports.store import FlowRow, FollowUpRow, JournalChunk
from taskloom.views.view import Query, RowChange


async def test_everything_committed_is_there_after_reopening(rig, task, new_task):
    await rig.save(
        created=[new_task(task(1), b'{"a":1}', "cb", b"in")],
        created_ended=[new_task(task(2, state=4))],
        payloads=[(5, b"p")],
        flows=[FlowRow(7, 7, "k", "t", b"s")],
        follow_ups=[FollowUpRow(9, b"f")],
        rows=[RowChange("notes", 3, "t", {"topic": "x"})],
        lanes={("q", 1, "t", ""): LaneChange(depth=1)},
        journal=b"j",
        events=2,
    )

    await rig.reopen()

    store = rig.store
    assert await store.tasks([1, 2]) == {1: task(1), 2: task(2, state=4)}
    assert (await store.details([1]))[1].callback == "cb"
    assert await store.inputs([1]) == {1: b"in"}
    assert await store.payloads([5]) == {5: b"p"}
    assert (await store.flow(7)).state == b"s"
    assert await store.follow_ups(5) == [FollowUpRow(9, b"f")]
    assert (await store.search(Query(view="notes", tenants=None))).rows[0]["topic"] == "x"
    assert [lane.depth for lane in await store.lanes("q", None, 1000)] == [1]
    assert await store.journal(0, 5) == [JournalChunk(1, 2, b"j")]
    await rig.save(journal=b"k", events=1)
    assert await store.sequence() == 3


async def test_the_last_key_recorded_is_told_to_the_next_holder_of_the_node(rig):
    await rig.save(payloads=[(5, b"p")], last_key=12345)
    await rig.save(payloads=[(6, b"p")], last_key=12000)
    node = rig.node

    await rig.reopen()

    if rig.node == node:
        assert rig.last_key == 12345


async def test_a_node_is_kept_as_long_as_it_is_renewed(rig):
    assert await rig.store.keep_node(rig.node, rig.place.now + 20_000)
    assert await rig.store.keep_node(rig.node, rig.place.now + 40_000)


async def test_a_node_that_is_not_ours_cannot_be_kept(rig):
    assert not await rig.store.keep_node(rig.node + 1, rig.place.now)
