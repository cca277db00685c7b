"""Two servers meet at one task: one is held in its transaction, the other run into it."""

import asyncio
import random

import pytest
from msgspec import structs

from taskloom.core.commands import Cancel, Claim, Complete, Create, Fail, Reopen, Strategy, Wake
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import CANCELLED, COMPLETED, LEASED, READY
from taskloom.engine.outcome import Accepted, Idempotency
from taskloom.engine.submission import Submission
from taskloom.engine.transaction import PUT_BACK
from taskloom.ports.store import Save
from tests.races.conftest import NOW, WAIT_S

CREATE = Create(tenant="t", queue="q", dialect="queue")
CLAIM = Claim(tenant="t", queues=(("q", 1),), worker="w", holder="k", lease_ms=1_000)
SEQUENTIAL = structs.replace(CLAIM, strategy=Strategy.SEQUENTIAL, size=9)


async def claimed(server):
    key = await server.reply(CREATE)
    (handout,) = await server.reply(CLAIM)
    assert handout.task.key == key
    return key, handout.task.token


def complete(key, token=None, result=b"1", by="k"):
    return Complete(key=key, tenant="t", token=token, result=result, worker="w", by=by)


async def test_two_claims_never_get_the_same_task(servers, race):
    keys = {await servers[0].reply(CREATE) for _ in range(2)}

    first, second = await race(CLAIM, CLAIM, blocks=False)

    assert {handout.task.key for outcome in (first, second) for handout in outcome.reply} == keys


async def test_a_claim_passes_over_the_only_task_another_server_is_handing_out(servers, race):
    await servers[0].reply(CREATE)

    first, second = await race(CLAIM, CLAIM, blocks=False)

    assert (len(first.reply), second.reply) == (1, [])


async def test_two_servers_that_claim_in_sequence_hand_out_one_task(servers):
    one, two = servers
    for _ in range(2):
        await one.reply(CREATE)
    one.held.before(Save)
    first = asyncio.create_task(one.batch(SEQUENTIAL))
    async with asyncio.timeout(WAIT_S):
        await one.held.reached.wait()
    second = asyncio.create_task(two.batch(SEQUENTIAL))
    async with asyncio.timeout(WAIT_S):
        await asyncio.wait(
            [asyncio.create_task(two.turned_away.wait()), second], return_when="FIRST_COMPLETED"
        )

    one.held.go.set()

    assert [len((await batch).outcomes[0].reply) for batch in (first, second)] == [1, 0]
    assert two.turned_away.is_set()


async def test_a_standing_claim_in_sequence_is_turned_away_while_another_server_has_its_queue(servers):
    one, two = servers
    await one.reply(CREATE)
    one.held.before(Save)
    first = asyncio.create_task(one.batch(SEQUENTIAL))
    async with asyncio.timeout(WAIT_S):
        await one.held.reached.wait()
    two.environment.standing.add(Submission(SEQUENTIAL))

    made, standing = (await two.once([Submission(CREATE)])).outcomes

    assert isinstance(made, Accepted)
    assert standing is PUT_BACK
    one.held.go.set()
    assert len((await first).outcomes[0].reply) == 1


@pytest.mark.parametrize("other", [structs.replace(SEQUENTIAL, queues=(("p", 1),)), CLAIM])
async def test_a_claim_in_sequence_keeps_nobody_from_other_queues_and_no_other_claims(servers, race, other):
    for queue in ("q", "q", "p"):
        await servers[0].reply(structs.replace(CREATE, queue=queue))

    outcomes = await race(SEQUENTIAL, other, blocks=False)

    assert [len(outcome.reply) for outcome in outcomes] == [1, 1]
    assert not servers[1].turned_away.is_set()


async def test_of_two_completions_one_wins_and_the_other_is_told(servers, race):
    key, token = await claimed(servers[0])

    first, second = await race(complete(key, token), complete(key, token, b"2"), blocks=True)

    assert isinstance(first, Accepted)
    assert second.kind is Kind.FINAL
    assert await servers[1].store.payloads([first.reply.result_key]) == {first.reply.result_key: b"1"}


async def test_the_same_completion_twice_has_one_effect(servers, race):
    key, token = await claimed(servers[0])
    before = await servers[0].store.sequence()

    first, second = await race(complete(key, token), complete(key, token), blocks=True)

    assert (first.repeated, second.repeated) == (False, True)
    assert await servers[0].store.sequence() == before + 1


async def test_a_claim_against_a_completion_of_the_late_worker(servers, race):
    key, token = await claimed(servers[0])
    for server in servers:
        server.now = NOW + 5_000
    await servers[0].reply(Wake(key=key))

    first, second = await race(CLAIM, complete(key, token), blocks=True)

    assert [handout.task.key for handout in first.reply] == [key]
    assert second.kind is Kind.STALE_LEASE


async def test_a_completion_of_the_late_worker_against_a_claim(servers, race):
    key, token = await claimed(servers[0])
    for server in servers:
        server.now = NOW + 5_000
    await servers[0].reply(Wake(key=key))

    first, second = await race(complete(key, token), CLAIM, blocks=False)

    assert first.reply.state is COMPLETED
    assert second.reply == []


async def test_a_cancellation_against_a_claim(servers, race):
    key = await servers[0].reply(CREATE)

    first, second = await race(Cancel(key=key, tenant="t"), CLAIM, blocks=False)

    assert first.reply.state is CANCELLED
    assert second.reply == []


async def test_a_claim_against_a_cancellation(servers, race):
    key = await servers[0].reply(CREATE)

    first, second = await race(CLAIM, Cancel(key=key, tenant="t"), blocks=True)

    assert len(first.reply) == 1
    assert second.reply.state is CANCELLED
    refused = await servers[0].do(complete(key, first.reply[0].task.token))
    assert refused.kind is Kind.FINAL


async def test_a_cancellation_against_a_completion(servers, race):
    key, token = await claimed(servers[0])

    first, second = await race(Cancel(key=key, tenant="t"), complete(key, token), blocks=True)

    assert first.reply.state is CANCELLED
    assert second.kind is Kind.FINAL


async def test_two_sweeps_of_one_lease_lose_it_once(servers, race):
    key, _ = await claimed(servers[0])
    for server in servers:
        server.now = NOW + 5_000

    await race(Wake(key=key), Wake(key=key), blocks=True)

    task = await servers[0].store.task(key)
    assert (task.state, task.losses) == (READY, 1)


async def test_a_sweep_against_a_completion_in_time(servers, race):
    key, token = await claimed(servers[0])
    servers[1].now = NOW + 5_000

    first, second = await race(complete(key, token), Wake(key=key), blocks=True)

    assert isinstance(first, Accepted)
    assert second.repeated
    assert (await servers[0].store.task(key)).state is COMPLETED


async def test_two_reopenings_make_one_attempt(servers, race):
    key, token = await claimed(servers[0])
    await servers[0].reply(complete(key, token))

    first, second = await race(Reopen(key=key, tenant="t"), Reopen(key=key, tenant="t"), blocks=True)

    assert first.reply.state is READY
    assert second.kind is Kind.WRONG_STATE


async def test_one_idempotency_key_on_two_servers_does_the_work_once(servers):
    one, two = servers

    def wanted():
        return Submission(
            CREATE, idempotency=Idempotency("t", "create", "k", b"d", lambda key: str(key).encode())
        )

    one.held.before(Save)
    running = asyncio.create_task(one.batch(wanted()))
    await one.held.reached.wait()
    meeting = asyncio.create_task(two.batch(wanted()))
    one.held.go.set()
    first, second = (await running).outcomes[0], (await meeting).outcomes[0]

    assert second.reply.answer == str(first.reply).encode()
    assert len(await one.store.due_tasks(1 << 61, 10)) == 0
    assert (await one.store.lanes("q", None, 1000))[0].depth == 1


async def test_batches_in_opposite_order_do_not_deadlock(servers):
    one, two = servers
    keys = [await one.reply(CREATE) for _ in range(40)]
    commands = [Fail(key=key, tenant="t", unclaimed=True, retries=99) for key in keys]

    for _ in range(20):
        await asyncio.gather(
            one.batch(*commands),
            two.batch(*reversed(commands)),
            one.batch(*reversed(commands)),
            two.batch(*commands),
        )

    assert sum(server.restarts for server in servers) == 0


async def race_at_random(servers, rounds):
    """Batches of commands on the same few tasks from both servers at once, each in an order of its own."""
    dice = random.Random(5)
    key_of = [await servers[0].reply(CREATE) for _ in range(8)]
    for _ in range(rounds):
        batches = [
            (server, [_any_command(dice, dice.choice(key_of)) for _ in range(dice.randint(1, 6))])
            for server in servers * 2
        ]
        results = await asyncio.gather(*[server.batch(*commands) for server, commands in batches])
        assert not any(
            one.kind is Kind.FAULT for r in results for one in r.outcomes if isinstance(one, Rejection)
        )
    (lane,) = await servers[0].store.lanes("q", None, 1000)
    tasks = await servers[0].store.tasks(key_of)
    states = [task.state for task in tasks.values()]
    assert (lane.depth, lane.in_flight) == (states.count(READY), states.count(LEASED))


def _any_command(dice, key):
    return dice.choice(
        (
            CLAIM,
            complete(key),
            Cancel(key=key, tenant="t"),
            Reopen(key=key, tenant="t"),
            Wake(key=key),
            Fail(key=key, tenant="t", unclaimed=True, retries=5),
        )
    )


async def test_random_meetings_on_two_servers_keep_the_counts_and_never_deadlock(servers):
    await race_at_random(servers, 100)


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_ten_thousand_random_meetings_never_deadlock(servers):
    await race_at_random(servers, 2_500)  # four batches each


async def test_everything_at_once_on_two_servers_ends_each_task_once(servers):
    one = servers[0]
    keys = [await one.reply(CREATE) for _ in range(30)]

    async def claimer(server):
        while handouts := await server.reply(CLAIM):
            for handout in handouts:
                await server.do(complete(handout.task.key, handout.task.token))

    async def canceller(server):
        for key in keys:
            await server.do(Cancel(key=key, tenant="t"))

    async def sweeper(server):
        for key in keys:
            await server.do(Wake(key=key))

    await asyncio.gather(*[duty(server) for duty in (claimer, canceller, sweeper) for server in servers])

    tasks = await one.store.tasks(keys)
    assert {task.state for task in tasks.values()} <= {COMPLETED, CANCELLED}
    (lane,) = await one.store.lanes("q", None, 1000)
    assert (lane.depth, lane.in_flight) == (0, 0)
    events = await one.store.sequence()
    assert events == 30 + 30 + sum(task.attempt for task in tasks.values())
