"""M2: one seeded sequence of commands through memory, SQLite and PostgreSQL; answers and snapshots agree.

A random test that only ever sees refusals proves nothing: it is done when every command has succeeded, every
refusal has been seen, and twenty batches have brought nothing new.
"""

from typing import get_args

import msgspec
import pytest

from taskloom.core.commands import TaskCommand
from taskloom.core.rejections import Kind
from taskloom.engine.outcome import Accepted, Command, Replay
from taskloom.engine.submission import Submission
from taskloom.ports.store import Shelf, UsageQuery
from taskloom.store.memory import MemoryStore
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.sqlite.store import SqliteStore
from taskloom.store.usage_sql import ID
from taskloom.views.view import Compare, Query
from tests.model.player import NO_CALL, QUEUES, Player
from tests.model.runner import Runner

FOREVER = 1 << 61
COMMANDS = {kind.__name__ for kind in get_args(Command)} | {kind.__name__ for kind in get_args(TaskCommand)}
KINDS = {kind for kind in Kind if kind not in (Kind.OVERLOADED, Kind.FAULT)}
QUIET_BATCHES = 20


@pytest.fixture
async def runners(tmp_path, database):
    stores = [MemoryStore(), SqliteStore(tmp_path / "data", synchronous="OFF"), PostgresStore(database)]
    runners = [Runner(store) for store in stores]
    for runner in runners:
        await runner.open()
    yield runners
    for runner in runners:
        await runner.store.close()


def said(outcome):
    """An outcome as something that can be compared."""
    if not isinstance(outcome, Accepted):
        return ("refused", outcome.kind, outcome.key, outcome.detail, outcome.task)
    reply = outcome.reply.answer if isinstance(outcome.reply, Replay) else outcome.reply
    return ("accepted", msgspec.to_builtins(reply), outcome.repeated)


async def rows_of(store, view):
    """The first rows of a view."""
    query = Query(view=view, tenants=None, filter=Compare("key", "gt", 0), limit=1000)
    return (await store.search(query)).rows


async def snapshot(runner, keys, flows, after):
    """What a store holds of these tasks and flows, and everything that is open."""
    store = runner.store
    tasks = await store.tasks(keys)
    results = [task.result_key for task in tasks.values() if task.result_key]
    return {
        "tasks": tasks,
        "details": await store.details(keys),
        "results": await store.payloads(results),
        "flows": {key: await store.flow(key) for key in flows},
        "lanes": sorted(
            [lane for queue in QUEUES for lane in await store.lanes(queue, None, 1000)], key=repr
        ),
        "shares": sorted(await store.shares(None, None, 1000), key=repr),
        "gates": [await store.gate(queue, tenant) for queue in QUEUES for tenant in ("t", "u")],
        "ready": sorted(await store.ready_queues(100)),
        "due": await store.due_tasks(FOREVER, 1000),
        "timers": sorted(await store.due_timers(FOREVER, 1000), key=repr),
        "outbox": await store.due_outbox(FOREVER, 1000, 1000),
        "deliveries": await rows_of(store, "deliveries"),
        "follow_ups": await store.follow_ups(1000),
        "next": await store.next_due(),
        "records": await store.records("queue", None, "", 100),
        "toys": await rows_of(store, "toys"),
        "dead letters": (await store.search(Query(view="dead_letters", tenants=None, limit=1000))).rows,
        "usage": await store.usage(UsageQuery(tenant=None, first_day=0, last_day=99_999, group_by=ID)),
        "hot": [await store.hot_counts(queue, None) for queue in QUEUES],
        "unheld": [await store.unheld(Shelf(queue, -1, "t"), max(keys, default=0), 20) for queue in QUEUES],
        "journal": await store.journal(after, 5),
        "sequence": await store.sequence(),
    }


async def play(runners, seed, steps):
    """Play at least this many steps, and up to twice as many until all was seen and nothing new comes."""
    player, seen, quiet, done = Player(seed), set(), 0, 0
    after = 0
    while done < steps or (done < 2 * steps and (quiet < QUIET_BATCHES or missing(seen))):
        submissions, now = player.batch()
        results = [await runner.step(submissions, now) for runner in runners]
        first = [said(outcome) for outcome in results[0].outcomes]
        for other in results[1:]:
            assert [said(outcome) for outcome in other.outcomes] == first, f"seed {seed}, step {done}"
            assert other.follow_ups == results[0].follow_ups
        player.learn(submissions, results[0])
        keys, flows = _touched(submissions, results[0], player)
        shots = [await snapshot(runner, keys, flows, after) for runner in runners]
        for shot in shots[1:]:
            for name, part in shots[0].items():
                assert shot[name] == part, f"seed {seed}, step {done}: {name}"
        after = shots[0]["sequence"]
        player.timers = shots[0]["timers"]
        player.calls = shots[0]["outbox"] or [NO_CALL]
        new = {
            _signature(one, outcome) for one, outcome in zip(submissions, results[0].outcomes, strict=True)
        }
        quiet = 0 if new - seen else quiet + 1
        seen |= new
        done += len(submissions)
    return seen, quiet


def _touched(submissions, result, player):
    keys = {getattr(one.command, "key", 0) for one in submissions} | {task.key for task in result.finished}
    keys |= set(player.tasks[-10:])
    return sorted(key for key in keys if key), sorted(set(player.flows[-10:]))


def _signature(submission: Submission, outcome):
    name = type(submission.command).__name__
    if isinstance(outcome, Accepted):
        return (name, "accepted", outcome.repeated, bool(submission.idempotency))
    return (name, outcome.kind, outcome.task and outcome.task.state)


def missing(seen):
    """Commands that never succeeded and refusals that never came."""
    succeeded = {name for name, what, *_ in seen if what == "accepted"}
    refused = {what for _, what, *_ in seen if what != "accepted"}
    return sorted(COMMANDS - succeeded) + sorted(kind.name for kind in KINDS - refused)


@pytest.mark.timeout(600)
async def test_all_stores_agree_on_a_random_history(runners):
    seen, quiet = await play(runners, seed=20261121, steps=2_000)

    assert missing(seen) == []
    assert quiet >= QUIET_BATCHES
    assert not any(what is Kind.FAULT for _, what, *_ in seen)


@pytest.mark.long
@pytest.mark.timeout(7_200)
async def test_all_stores_agree_on_a_long_random_history(runners):
    seen, quiet = await play(runners, seed=1, steps=200_000)

    assert missing(seen) == []
    assert quiet >= QUIET_BATCHES
    assert not any(what is Kind.FAULT for _, what, *_ in seen)
