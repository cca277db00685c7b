"""What is due: tasks, timers, calls; read without locks by the sweeper and the outbox."""

from taskloom.core.limits import NEVER_MS
from taskloom.core.task import LEASED, WAITING
from taskloom.ports.store import Load, OutboxRow, TimerRow


async def test_tasks_are_due_at_lease_end_waking_or_deadline_the_longest_due_first(rig, task):
    await rig.create(
        task(1, state=LEASED, lease_until=300),
        task(2, state=WAITING, ready_at=200),
        task(3, expires_at=100),
        task(4, state=LEASED, lease_until=900, expires_at=250),
        task(5),
        task(6, state=WAITING, ready_at=NEVER_MS),
    )

    assert await rig.store.due_tasks(10**13, 10) == [3, 2, 4, 1]
    assert await rig.store.due_tasks(200, 10) == [3, 2]
    assert await rig.store.due_tasks(10**13, 1) == [3]


async def test_a_changed_task_is_due_at_its_new_instant(rig, task):
    await rig.create(task(1, state=LEASED, lease_until=300))

    await rig.save(changed=[task(1, state=LEASED, lease_until=800)])

    assert await rig.store.due_tasks(799, 10) == []
    assert await rig.store.due_tasks(800, 10) == [1]


async def test_timers_are_due_oldest_first(rig):
    await rig.save(timers=[TimerRow(1, "a", 30), TimerRow(2, "a", 10), TimerRow(1, "b", 20)])

    due = await rig.store.due_timers(25, 10)

    assert due == [TimerRow(2, "a", 10), TimerRow(1, "b", 20)]
    assert len(await rig.store.due_timers(100, 2)) == 2


async def test_calls_leave_longest_due_first_once_their_instant_has_come(rig):
    rows = [OutboxRow(3, "t", 1, 0, 50), OutboxRow(2, "t", 4, 4, 60), OutboxRow(1, "t", 2, 0, 70)]
    await rig.save(outbox=rows)

    assert await rig.store.due_outbox(60, 10, 10) == rows[:2]
    assert await rig.store.due_outbox(100, 1) == rows[:1]


async def test_a_call_is_put_off_or_struck_off(rig):
    await rig.save(outbox=[OutboxRow(1, "t", 1, 0, 50), OutboxRow(2, "t", 1, 0, 50)])
    later = OutboxRow(1, "t", 1, 1, 500, "t host", log=b"[1]", since=50)

    def work():
        loaded = yield Load(outbox=[1, 2, 3])
        assert sorted(loaded.outbox) == [1, 2]
        yield rig.saving(outbox=[later], outbox_done=[2])

    await rig.begin(work())

    assert await rig.store.due_outbox(499, 10) == []
    assert await rig.store.due_outbox(500, 10) == [later]


async def test_a_call_keeps_all_that_is_said_of_it(rig):
    row = OutboxRow(1, "t", 7, 2, 50, "t \x00host", 9, "batch.\x01done", b"\x00body", b"[]", 40)
    await rig.save(outbox=[row])

    assert await rig.store.due_outbox(50, 10) == [row]


async def test_a_long_line_hides_nobody(rig):
    def line(first, name, count, tenant="t", at=10):
        return [OutboxRow(key, tenant, key, 0, at, name) for key in range(first, first + count)]

    await rig.save(outbox=[*line(1, "t a", 50), *line(101, "t b", 2), *line(201, "u", 3, "u", 11)])
    await rig.save(outbox=line(300, "t", 1, at=12))

    async def due(*arguments):
        return [row.key for row in await rig.store.due_outbox(20, *arguments)]

    assert await due(10, 2) == [1, 101, 201, 300, 2, 102, 202]
    assert await due(5, 2) == [1, 101, 201, 300, 2]
    assert await due(10, 2, ["t a"]) == [101, 201, 300, 102, 202]
    assert await due(10, 2, ["t a"], ["u"]) == [101, 300, 102]
    assert await due(10, 2, (), ["t"]) == [201, 202]


async def test_a_call_waits_for_earlier_ones_about_its_subject_to_its_webhook(rig):
    await rig.save(
        outbox=[
            OutboxRow(1, "t", 7, 1, 900, "t a"),  # the end of a task, to be tried again
            OutboxRow(2, "t", 7, 0, 10),  # its next end
            OutboxRow(3, "t", 7, 0, 10, name="task.completed"),  # to be fanned out
            OutboxRow(4, "t", 7, 0, 10, "t b", 5, "task.completed"),
            OutboxRow(5, "t", 7, 0, 10, "t b", 5, "task.completed"),
            OutboxRow(6, "t", 7, 0, 10, "t b", 6, "task.completed"),
            OutboxRow(7, "t", 8, 0, 10),  # another task
        ]
    )

    assert [row.key for row in await rig.store.due_outbox(20, 10, 10)] == [3, 4, 6, 7]

    await rig.save(outbox_done=[1, 4])
    assert [row.key for row in await rig.store.due_outbox(20, 10, 10)] == [2, 5, 3, 6, 7]


async def test_the_next_instant_is_the_earliest_of_tasks_and_timers(rig, task):
    assert await rig.store.next_due() is None
    await rig.create(task(1), task(2, state=WAITING, ready_at=NEVER_MS))
    assert await rig.store.next_due() is None

    await rig.save(outbox=[OutboxRow(9, "t", 1, 0, 50)])
    assert await rig.store.next_due() is None
    await rig.save(timers=[TimerRow(7, "a", 200)])
    assert await rig.store.next_due() == 200
    await rig.create(task(3, state=LEASED, lease_until=100))
    assert await rig.store.next_due() == 100
