"""PostgreSQL dies or goes away: nothing acknowledged is lost, nothing runs twice, all heals by itself."""

import asyncio

import asyncpg
import pytest

from devtools.postgres import PostgresServer
from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Create
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outcome import Accepted
from taskloom.engine.submission import Submission
from taskloom.ports.clock import SystemClock, SystemTokens
from taskloom.ports.store import TransientError, UnavailableError, UnknownOutcomeError
from taskloom.store.postgres import driver
from taskloom.store.postgres.batches import Mark
from taskloom.store.postgres.driver import stands_after_all
from taskloom.store.postgres.store import PostgresStore
from tests.model.runner import Runner

NOW = 1_750_000_000_000
CREATE = Create(tenant="t", queue="q", dialect="queue")


class Nobody:
    async def deliver(self, call):
        raise AssertionError("nobody is called here")

    async def close(self):
        """Nothing is open."""


@pytest.fixture
def own_server():
    """A PostgreSQL that this test may kill."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def runner(database):
    runner = Runner(PostgresStore(database))
    await runner.open()
    yield runner
    await runner.store.close()


async def submit(runner, *commands):
    return (await runner.step([Submission(command) for command in commands], NOW)).outcomes


async def survive(own_server, kills):
    """Load from eight clients while the database is killed again and again; what must hold afterwards."""
    store = PostgresStore(own_server.new_database())
    plan = Plan(store=store, clock=SystemClock(), tokens=SystemTokens(), bus=MemoryBus(), deliverer=Nobody())
    engine = Engine(plan)
    await engine.start()
    acknowledged, refused, stopping = [], 0, asyncio.Event()
    progress = asyncio.Condition()

    async def client():
        nonlocal refused
        while not stopping.is_set():
            outcome = await engine.submit(CREATE)
            if isinstance(outcome, Accepted):
                acknowledged.append(outcome.reply)
                async with progress:
                    progress.notify_all()
            else:
                refused += 1

    async def until_acknowledged(more):
        target = len(acknowledged) + more
        async with asyncio.timeout(30), progress:
            await progress.wait_for(lambda: len(acknowledged) >= target)

    clients = [asyncio.create_task(client()) for _ in range(8)]
    for _ in range(kills):
        await until_acknowledged(50)
        await asyncio.to_thread(own_server.kill)
        await asyncio.to_thread(own_server.restart)
        began = asyncio.get_running_loop().time()
        await until_acknowledged(1)
        assert asyncio.get_running_loop().time() - began < 10
    stopping.set()
    await asyncio.gather(*clients)

    assert len(await store.tasks(acknowledged)) == len(acknowledged) == len(set(acknowledged))
    (lane,) = await store.lanes("q", None, 1000)
    assert lane.depth >= len(acknowledged)
    assert lane.depth <= len(acknowledged) + refused
    assert await store.sequence() == lane.depth
    await engine.stop()


async def test_killing_the_database_loses_nothing_acknowledged_and_heals(own_server):
    await survive(own_server, 4)


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_fifty_kills_of_the_database_lose_nothing_acknowledged(own_server):
    await survive(own_server, 50)


async def test_while_the_database_is_away_commands_and_reads_say_so_and_do_not_hang(own_server):
    runner = Runner(PostgresStore(own_server.new_database()))
    await runner.open()
    await submit(runner, CREATE)
    own_server.kill()

    async with asyncio.timeout(30):
        with pytest.raises((UnavailableError, TransientError)):
            await submit(runner, CREATE)
        with pytest.raises(UnavailableError):
            await submit(runner, CREATE)
        with pytest.raises(UnavailableError):
            await runner.store.sequence()

    own_server.restart()
    assert await runner.store.sequence() == 1
    await submit(runner, CREATE)
    assert await runner.store.sequence() == 2
    await runner.store.close()


async def lose_the_answer(runner, monkeypatch, *, sent):
    """The connection breaks at the next COMMIT: before it was sent, or with its answer under way."""
    for writer in runner.store._writers:
        original = writer._commit

        async def commit(connection, *rest, original=original):
            class Breaking:
                async def execute(self, statement):
                    if sent:
                        await connection.execute(statement)
                    raise asyncpg.ConnectionDoesNotExistError("lost")

                def terminate(self):
                    connection.terminate()

            await original(Breaking(), *rest)

        monkeypatch.setattr(writer, "_commit", commit)


async def test_a_commit_whose_answer_was_lost_is_found_to_stand(runner, monkeypatch):
    await lose_the_answer(runner, monkeypatch, sent=True)

    (outcome,) = await submit(runner, CREATE)

    assert isinstance(outcome, Accepted)
    assert (await runner.store.lanes("q", None, 1000))[0].depth == 1


async def test_a_commit_that_never_arrived_is_found_not_to_stand(runner, monkeypatch):
    await lose_the_answer(runner, monkeypatch, sent=False)

    with pytest.raises(TransientError):
        await submit(runner, CREATE)

    assert await runner.store.lanes("q", None, 1000) == []


async def test_a_commit_nobody_can_ask_about_is_reported_as_unknown(runner, monkeypatch):
    async def no_answer(_url, _mark):
        return None

    monkeypatch.setattr(driver, "stands_after_all", no_answer)
    await lose_the_answer(runner, monkeypatch, sent=True)

    with pytest.raises(UnknownOutcomeError):
        await submit(runner, CREATE)


async def test_another_owner_of_the_node_number_makes_the_outcome_unknown(runner, database):
    await submit(runner, CREATE)

    assert await stands_after_all(database, Mark(runner.store._node, "somebody else", 0, 1)) is None


async def test_a_server_that_lost_its_node_number_commits_nothing_more(runner, database):
    await submit(runner, CREATE)
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE nodes SET owner = 'another' WHERE node = $1", runner.store._node)
    await connection.close()

    with pytest.raises(UnavailableError):
        await submit(runner, CREATE)

    assert not await runner.store.keep_node(runner.store._node, NOW)
    assert await runner.store.sequence() == 1


async def test_two_servers_have_two_node_numbers_and_one_that_left_is_given_again(database):
    stores = [PostgresStore(database) for _ in range(2)]
    for store in stores:
        await store.open(())
    numbers = [(await store.lease_node(NOW))[0] for store in stores]
    assert len(set(numbers)) == 2
    await stores[0].close()

    third = PostgresStore(database)
    await third.open(())

    assert (await third.lease_node(NOW + 1))[0] == numbers[0]
    for store in (stores[1], third):
        await store.close()


async def test_a_node_number_not_renewed_is_free_after_its_lease(database):
    gone, heir = PostgresStore(database), PostgresStore(database)
    await gone.open(())
    await heir.open(())
    number, _ = await gone.lease_node(NOW)

    early, _ = await heir.lease_node(NOW + 29_999)
    late, _ = await heir.lease_node(NOW + 30_000)

    assert (early == number, late == number) == (False, True)
    await gone.close()
    await heir.close()


async def test_a_database_that_cannot_be_reached_is_named_at_the_start():
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await PostgresStore("postgresql://postgres@/none?host=/nowhere").open(())


async def test_a_database_that_is_not_there_is_named_at_the_start(postgres_server):
    with pytest.raises(UnavailableError, match="nowhere_to_be_found"):
        await PostgresStore(postgres_server.url("nowhere_to_be_found")).open(())


async def test_a_writer_outlives_a_database_that_lets_nobody_in(own_server):
    url = own_server.new_database()
    name = url.partition("@/")[2].partition("?")[0]
    runner = Runner(PostgresStore(url))
    await runner.open()
    await submit(runner, CREATE)
    own_server.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    own_server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    for _ in range(3):
        with pytest.raises((UnavailableError, TransientError)):
            await submit(runner, CREATE)

    own_server.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await submit(runner, CREATE)
    assert await runner.store.sequence() == 2
    await runner.store.close()


async def test_servers_that_start_at_once_on_an_empty_database_migrate_it_once(new_database):
    stores = [PostgresStore(new_database) for _ in range(3)]

    await asyncio.gather(*[store.open(()) for store in stores])

    assert await stores[0].sequence() == 0
    for store in stores:
        await store.close()
