"""GET /events: what happened to tasks, exactly once and in order, from any number on."""

import asyncio
import contextlib
import sqlite3

import pytest

from taskloom.core.commands import Cancel, Fail, Resume, Suspend
from taskloom.core.limits import EVENT_CHUNKS_CACHED
from taskloom.dialects.agents.translate import key_of

NOW = "2025-11-21T20:30:00Z"


def parts(event):
    _, kind, envelope = event
    return kind, envelope["payload"], envelope["metadata"]


async def test_the_life_of_a_task_is_told(every):
    task_id = await every.created("Tell", priority=5)
    await every.worker("w1")
    await every.worker("w2")
    await every.ok("task.assign", taskId=task_id, instanceId="w1")
    await every.ok("task.unassign", every.boss, taskId=task_id)
    await every.claims("w1")
    await every.ok("task.heartbeat", taskId=task_id, workerId="w1")
    await every.ok("task.release", taskId=task_id, workerId="w1")
    await every.claims("w2")
    await every.ok("task.unassign", every.boss, taskId=task_id)
    await every.ok("task.update", id=task_id, updates={"text": "Told", "metadata": {}})
    every.clock.advance(seconds=60)
    await every.claims("w1")
    await every.ok("task.complete", id=task_id)

    told = await every.told()

    at, later = {"unassignedAt": NOW}, "2025-11-21T20:31:00Z"
    back = {"taskId": task_id, "previousAssignment": "w1"}
    whole = {"id": task_id, "text": "Tell", "status": "pending", "priority": 5, "createdAt": NOW}
    assert [parts(event) for event in told] == [
        ("task.created", whole, {"createdBy": "app"}),
        (
            "task.assigned",
            {"taskId": task_id, "instanceId": "w1", "previousAssignment": None},
            {"assignedBy": "app"},
        ),
        ("task.unassigned", back, {"unassignedBy": "boss"} | at),
        ("task.claimed", {"taskId": task_id, "workerId": "w1"}, {"claimedAt": NOW, "claimEpoch": 1}),
        ("task.released", {"taskId": task_id, "workerId": "w1"}, {"releasedBy": "w1"}),
        ("task.claimed", {"taskId": task_id, "workerId": "w2"}, {"claimedAt": NOW, "claimEpoch": 2}),
        ("task.unassigned", back | {"previousAssignment": "w2"}, {"unassignedBy": "boss"} | at),
        (
            "task.updated",
            whole | {"text": "Told", "status": "completed", "updatedAt": NOW},
            {"updatedBy": "app", "changes": ["text", "metadata"]},
        ),
        ("task.claimed", {"taskId": task_id, "workerId": "w1"}, {"claimedAt": later, "claimEpoch": 3}),
        (
            "task.completed",
            {"id": task_id, "status": "completed", "duration": 60_000},
            {"completedBy": "w1"},
        ),
    ]


async def test_how_tasks_end_and_begin_anew_is_told(every):
    lost = await every.claimed("lost")
    await every.lease_lost(lost)
    await every.ok("task.complete", id=lost["taskId"], workerId="w1", error="broken")
    await every.ok("task.update", every.boss, id=lost["taskId"], updates={"status": "pending"})
    key = key_of(lost["taskId"])
    await every.engine.submit(Suspend(key=key, tenant=None, reason="look"))
    await every.engine.submit(Resume(key=key, tenant=None))
    await every.engine.submit(Cancel(key=key, tenant=None, reason="no need", by="app"))

    told = await every.told()

    assert [
        (kind, payload.get("status"), payload.get("reason")) for kind, payload, _ in map(parts, told)
    ] == [
        ("task.created", "pending", None),
        ("task.claimed", None, None),
        ("task.reclaimed", None, "lease expired"),
        ("task.completed", "failed", None),
        ("task.reopened", "pending", None),
        ("task.suspended", None, None),
        ("task.resumed", None, None),
        ("task.completed", "failed", None),
    ]
    assert parts(told[2])[1]["previousAssignment"] == "w1"
    assert parts(told[3])[2] == {"completedBy": "w1", "error": "broken"}
    assert parts(told[7])[2] == {"completedBy": "app", "error": "no need", "cancelled": True}


async def test_a_failed_attempt_that_is_forgiven_is_told(every):
    await every.put(1234567890, retries=2)
    claim = await every.claims("w1")
    command = Fail(key=1234567890, tenant=None, token=int(claim["leaseToken"]), message="again")
    await every.engine.submit(command)

    told = await every.told()

    payload = {"taskId": "t-1234567890", "retries": 1, "error": "again"}
    assert parts(told[-1]) == ("task.retried", payload, {})


async def test_numbers_rise_and_no_event_comes_twice(every):
    async with every.listen(types="task.*", since=0) as listener:
        made = await asyncio.gather(*(every.created(f"{n}") for n in range(50)))
        live = [await listener.next() for _ in range(50)]

    replayed = await every.told()

    assert live == replayed
    numbers = [seq for seq, _, _ in live]
    assert numbers == sorted(set(numbers))
    assert sorted(envelope["payload"]["id"] for _, _, envelope in live) == sorted(made)
    assert len({envelope["id"] for _, _, envelope in live}) == 50


@pytest.mark.parametrize("way", ["since", "last_event_id"])
async def test_a_listener_that_comes_back_goes_on_where_it_was(every, way):
    for n in range(6):
        await every.created(f"{n}")
    everything = await every.told()
    seen = everything[2][0]

    if way == "since":
        rest = await every.told(since=seen)
    else:
        rest = await every.told(last_event_id=seen, since=0)

    assert rest[:3] == everything[3:]


async def test_without_a_number_a_listener_hears_what_happens_from_now_on(every):
    await every.created("before")
    async with every.listen() as listener:
        after = await every.created("after")
        _, _, envelope = await listener.next()

    assert envelope["payload"]["id"] == after


async def test_a_number_from_the_future_is_taken_for_now(every):
    async with every.listen(since=10**17) as listener:
        task_id = await every.created()
        assert (await listener.next())[2]["payload"]["id"] == task_id


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("task.completed", ["task.completed"]),
        ("task.claimed,task.created", ["task.created", "task.claimed"]),
        ("*", ["task.created", "task.claimed", "task.completed"]),
        ("instance.*,task.cl", []),
    ],
)
async def test_a_listener_hears_the_types_it_named(every, types, expected):
    claim = await every.claimed()
    await every.ok("task.complete", id=claim["taskId"])
    end = await every.claimed("end")
    await every.ok("task.update", id=end["taskId"], updates={"priority": 1})

    heard = []
    async with every.listen(types=f"{types},task.updated", since=0) as listener:
        while (event := await listener.next())[1] != "task.updated":
            if event[2]["payload"].get("id", event[2]["payload"].get("taskId")) == claim["taskId"]:
                heard.append(event[1])

    assert heard == expected


@pytest.mark.parametrize(
    "query",
    [
        {"types": "task.*.x"},
        {"types": "TASK"},
        {"types": "a,,b"},
        {"types": ",".join(["a"] * 51)},
        {"since": "x"},
        {"since": "-1"},
    ],
)
async def test_a_listener_that_asks_for_nonsense_is_refused(every, query):
    text = "&".join(f"{name}={value}" for name, value in query.items())

    answer = await every.app_client.get(f"/events?{text}")

    assert answer.status == 400
    assert answer.json()["success"] is False


async def test_no_listener_hears_of_another_tenant(every):
    stranger = await every.known("stranger", tenant="other")
    await every.claimed("ours")
    theirs = (await every.ok("task.create", stranger, text="theirs"))["id"]

    async with every.listen(stranger, types="*", since=0) as listener:
        assert (await listener.next())[2]["payload"]["id"] == theirs
        claim = await every.claimed("ours again", worker="w2")
        await every.ok("task.complete", id=claim["taskId"], workerId="w2")
        last = (await every.ok("task.create", stranger, text="last"))["id"]
        assert (await listener.next())[2]["payload"]["id"] == last
    async with every.listen(every.admin, types="task.created", since=0) as listener:
        assert len([await listener.next() for _ in range(4)]) == 4


async def test_a_key_without_the_scope_hears_nothing(every):
    deaf = await every.known("deaf", scopes=("task.work",))

    assert (await deaf.get("/events")).status == 403


async def test_a_quiet_stream_shows_that_it_lives(server):
    async with server.listen(since=0) as listener:
        server.clock.advance(seconds=15)
        assert await listener.piece() == ": keep-alive\n\n"


async def test_a_stream_is_not_kept_back_by_proxies(server):
    started = {}

    async def send(message):
        started.setdefault("headers", dict(message.get("headers", [])))

    gone = asyncio.Event()
    gone.set()
    await server.app_client._run("GET", "/events", None, None, None, send=send, gone=gone)

    assert started["headers"][b"content-type"].startswith(b"text/event-stream")
    assert started["headers"][b"x-accel-buffering"] == b"no"


async def test_what_is_kept_for_listeners_is_bounded_and_makes_no_difference(server):
    for n in range(EVENT_CHUNKS_CACHED + 20):
        await server.created(f"{n}")

    told = await server.told()
    feed = server.app.services.resources["agents"].feed

    assert len(told) == EVENT_CHUNKS_CACHED + 20
    assert len(feed._pages) == EVENT_CHUNKS_CACHED
    assert (
        await server.told(since=told[0][0])
        == [*told[1:], *(await server.told(since=told[-1][0]))][: len(told)]
    )


async def test_a_listener_whose_place_is_gone_goes_on_with_what_is_there(server, tmp_path):
    """Old events are kept for a while only; whoever comes back later than that is not kept waiting."""
    for n in range(3):
        await server.created(f"{n}")
    with contextlib.closing(sqlite3.connect(database(tmp_path))) as connection, connection:
        connection.execute("DELETE FROM journal")

    async with server.listen(since=1) as listener:
        task_id = await server.created("new")
        _, _, envelope = await listener.next()

    assert envelope["payload"]["id"] == task_id


def database(folder):
    """The file that begins as SQLite's do."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return next(path for path in files if path.read_bytes().startswith(b"SQLite format 3"))


async def test_streams_end_when_the_server_stops(tmp_path):
    from tests.dialects.agents.rig import Agents

    agents = await Agents.start("memory", tmp_path)
    async with agents.listen(since=0) as listener:
        await agents.stop()
        assert await listener.piece() == ""
