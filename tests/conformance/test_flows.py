"""Flows and what hangs on them: timers, subscriptions, counters, follow-ups."""

import asyncio

from taskloom.ports.store import FlowRow, FollowUpRow, Load, Read, SubscriptionRow, TimerRow

SLOT = ("t", "message", "paid", "order-1")


def waits(flow, data=b"", slot=SLOT):
    return SubscriptionRow(*slot, flow, data)


async def test_a_flow_comes_back_as_saved_and_changes(rig):
    await rig.save(flows=[FlowRow(7, 5, "kind", "t", b"\x00one")])
    assert await rig.store.flow(7) == FlowRow(7, 5, "kind", "t", b"\x00one")

    def work():
        loaded = yield Load(flows=[7])
        yield rig.saving(flows=[FlowRow(7, 5, "kind", "t", loaded.flows[7].state + b"two")])

    await rig.begin(work())

    assert (await rig.store.flow(7)).state == b"\x00onetwo"


async def test_loading_a_task_brings_its_flow_along(rig, task):
    await rig.save(flows=[FlowRow(7, 7, "kind", "t", b"s")])
    await rig.create(task(1, flow=7, root=7))
    await rig.save(flows=[FlowRow(8, 8, "kind", "t", b"other")])

    (answer,) = await rig.ask(Load(tasks=[1]))

    assert answer.flows[7] == FlowRow(7, 7, "kind", "t", b"s")
    assert 8 not in answer.flows


async def test_an_ended_task_brings_its_flow_along_too(rig, task):
    await rig.save(flows=[FlowRow(7, 7, "kind", "t", b"s")])
    await rig.create(task(1, flow=7, root=7))
    await rig.finish(task(1, flow=7, root=7, state=4))

    (answer,) = await rig.ask(Load(tasks=[1]))

    assert answer.flows[7].state == b"s"


async def test_flows_are_read_for_hand_outs(rig):
    await rig.save(flows=[FlowRow(7, 7, "kind", "t", b"s")])

    (answer,) = await rig.ask(Read([], [7, 8]))

    assert answer.flows == {7: FlowRow(7, 7, "kind", "t", b"s")}


async def test_a_flow_that_ended_takes_its_timers_subscriptions_and_counters_along(rig):
    await rig.save(
        flows=[FlowRow(7, 7, "kind", "t", b"s"), FlowRow(8, 8, "kind", "t", b"s")],
        timers=[TimerRow(7, "a", 50), TimerRow(8, "a", 60)],
        subscriptions=[waits(7), waits(8)],
        counters=[((7, "n"), 2, 90, b"x")],
    )

    await rig.save(flows_ended=[7])

    assert await rig.store.flow(7) is None
    assert await rig.store.due_timers(100, 10) == [TimerRow(8, "a", 60)]
    (answer,) = await rig.ask(Load(subscriptions=[SLOT]))
    assert answer.subscriptions[SLOT] == [waits(8)]
    saved = await rig.save(counters=[((7, "n"), -2, 91, b"x")])
    assert saved.released == []


async def test_timers_are_set_moved_and_cleared(rig):
    await rig.save(timers=[TimerRow(7, "a", 50), TimerRow(7, "b", 60)])
    await rig.save(timers=[TimerRow(7, "a", 70)])
    await rig.save(timers_cleared=[(7, "b"), (7, "never")])

    (answer,) = await rig.ask(Load(timers=[(7, "a"), (7, "b")]))

    assert answer.timers == {(7, "a"): 70}
    assert await rig.store.due_timers(69, 10) == []
    assert await rig.store.due_timers(70, 10) == [TimerRow(7, "a", 70)]


async def test_a_timer_set_twice_in_a_batch_has_the_last_instant(rig):
    await rig.save(timers=[TimerRow(7, "a", 50), TimerRow(7, "a", 40)])

    assert await rig.store.due_timers(100, 10) == [TimerRow(7, "a", 40)]


async def test_a_timer_cleared_and_set_again_in_a_batch_is_set(rig):
    await rig.save(timers=[TimerRow(7, "a", 50)])

    await rig.save(timers_cleared=[(7, "a")], timers=[TimerRow(7, "a", 80)])

    assert await rig.store.due_timers(100, 10) == [TimerRow(7, "a", 80)]


async def test_subscribers_come_oldest_flow_first(rig):
    await rig.save(subscriptions=[waits(9, b"nine"), waits(3), waits(5, slot=("u", *SLOT[1:]))])

    (answer,) = await rig.ask(Load(subscriptions=[SLOT, ("t", "message", "paid", "other")]))

    assert answer.subscriptions[SLOT] == [waits(3), waits(9, b"nine")]
    assert answer.subscriptions.get(("t", "message", "paid", "other"), []) == []


async def test_an_ended_subscription_is_gone_and_the_others_stay(rig):
    await rig.save(subscriptions=[waits(3), waits(9)])

    await rig.save(subscriptions_ended=[(SLOT, 3)])

    (answer,) = await rig.ask(Load(subscriptions=[SLOT]))
    assert answer.subscriptions[SLOT] == [waits(9)]


async def test_a_counter_releases_its_follow_up_when_it_reaches_zero(rig):
    await rig.save(counters=[((7, "open"), 2, 90, b"a")])
    first = await rig.save(counters=[((7, "open"), -1, 91, b"b")])
    last = await rig.save(counters=[((7, "open"), -1, 92, b"c")])

    assert first.released == []
    assert last.released == [FollowUpRow(92, b"c")]
    assert await rig.store.follow_ups(10) == [FollowUpRow(92, b"c")]


async def test_within_a_batch_each_step_of_a_counter_counts(rig):
    saved = await rig.save(
        counters=[
            ((7, "open"), 1, 90, b"a"),
            ((8, "open"), 1, 91, b"b"),
            ((7, "open"), -1, 92, b"c"),
            ((7, "open"), 1, 93, b"d"),
        ]
    )

    assert saved.released == [FollowUpRow(92, b"c")]
    (rest,) = [(await rig.save(counters=[((7, "open"), -1, 94, b"e")])).released]
    assert rest == [FollowUpRow(94, b"e")]


async def test_a_counter_that_changes_as_its_flow_ends_counts_and_is_gone(rig):
    await rig.save(counters=[((7, "open"), 1, 90, b"a")])

    ended = await rig.save(flows_ended=[7], counters=[((7, "open"), -1, 91, b"b")])
    after = await rig.save(counters=[((7, "open"), -1, 92, b"c"), ((7, "open"), 1, 93, b"d")])

    assert [row.key for row in (*ended.released, *after.released)] == [91, 93]


async def test_of_many_at_once_exactly_one_brings_a_counter_to_zero(rig):
    await rig.save(counters=[((7, "open"), 25, 1000, b"never")])

    saved = await asyncio.gather(
        *[
            rig.save(counters=[((7, "open"), -1, key, b"x"), ((key, "own"), 1, key + 500, b"y")])
            for key in range(1, 26)
        ]
    )

    assert sum(len(one.released) for one in saved) == 1
    assert len(await rig.store.follow_ups(100)) == 1


async def test_a_follow_up_stays_until_it_is_done(rig):
    await rig.save(follow_ups=[FollowUpRow(2, b"b"), FollowUpRow(1, b"a")])
    (answer,) = await rig.ask(Load(follow_ups=[1, 2, 3]))
    assert answer.follow_ups == {1, 2}

    await rig.save(follow_ups_done=[1])

    assert await rig.store.follow_ups(10) == [FollowUpRow(2, b"b")]
    (answer,) = await rig.ask(Load(follow_ups=[1, 2]))
    assert answer.follow_ups == {2}


async def test_follow_ups_come_oldest_first(rig):
    await rig.save(follow_ups=[FollowUpRow(key, b"") for key in (5, 3, 4)])

    assert [row.key for row in await rig.store.follow_ups(2)] == [3, 4]
