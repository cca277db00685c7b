"""The pool with real processes: they are stopped, killed and starved, and every job still has one outcome."""

import asyncio
import os
import random
import signal

import msgspec
import psutil
import pytest

from samples.hostile import HOSTILE_FILES
from samples.invoices import make_invoice
from taskloom.dialects.documents.steps.jobs import Done, Extract, Failed, ReadText
from taskloom.dialects.documents.steps.pool import PoolClosed, StepPool
from taskloom.dialects.documents.steps.process import StepLimits
from taskloom.dialects.documents.steps.text import TextLayer, read_text
from taskloom.flows.document.pages import StepResult

BOMB = next(file for file in HOSTILE_FILES if file.name == "bomb.pdf")


def read(seed: int = 0) -> ReadText:
    return ReadText(make_invoice(seed).data)


async def test_no_process_is_started_before_the_first_job():
    async with StepPool(1) as pool:
        assert pool.pids == ()
        await pool.run(read())
        assert len(pool.pids) == 1


async def test_a_process_reads_what_this_process_would_read():
    async with StepPool(1) as pool:
        outcome = await pool.run(read(1))

    assert isinstance(outcome, Done)
    layer = msgspec.json.decode(outcome.result, type=TextLayer)
    assert layer == read_text(make_invoice(1).data, lambda _page: None)


async def test_many_jobs_share_few_processes_and_each_gets_its_own_answer(entities):
    async with StepPool(2) as pool:
        jobs = [Extract(make_invoice(seed).data, entities) for seed in range(20)]
        outcomes = await asyncio.gather(*(pool.run(job) for job in jobs))
        assert len(pool.pids) <= 2

    for seed, outcome in enumerate(outcomes):
        result = msgspec.json.decode(outcome.result, type=StepResult)
        found = {field.entity_id: field.normalized for field in result.fields}
        assert found == make_invoice(seed).truth


@pytest.mark.parametrize("file", HOSTILE_FILES, ids=lambda file: file.name)
async def test_a_hostile_file_fails_with_its_code_and_the_next_job_succeeds(file):
    limits = StepLimits(page_s=10, memory_bytes=512 * 1024 * 1024)
    async with StepPool(1, limits) as pool:
        refused = await pool.run(ReadText(file.make()))
        after = await pool.run(read())

    assert isinstance(refused, Failed)
    assert refused.code in file.codes
    assert isinstance(after, Done)


async def test_a_killed_process_is_replaced_and_its_job_tried_again():
    async with StepPool(1) as pool:
        await pool.run(read())
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        job = asyncio.create_task(pool.run(read(2)))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)

        assert isinstance(await job, Done)
        assert pid not in pool.pids


async def test_a_process_that_hangs_is_killed_and_its_job_tried_again():
    async with StepPool(1, StepLimits(page_s=2)) as pool:
        await pool.run(read())
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)

        assert isinstance(await pool.run(read(2)), Done)
        assert not psutil.pid_exists(pid)


async def test_a_job_that_is_too_slow_twice_has_failed_with_the_reason():
    async with StepPool(1, StepLimits(page_s=0.001)) as pool:
        outcome = await pool.run(read())

        assert isinstance(outcome, Failed)
        assert outcome.code == "STEP_TIMEOUT"
        assert pool.pids == ()


async def test_a_memory_bomb_ends_in_its_process_within_the_limit():
    limits = StepLimits(memory_bytes=400 * 1024 * 1024)
    async with StepPool(1, limits) as pool:
        outcome = await pool.run(ReadText(BOMB.make()))

    assert isinstance(outcome, Failed)
    assert outcome.code in BOMB.codes


async def test_a_cancelled_job_leaves_no_busy_process_and_the_pool_goes_on():
    async with StepPool(1) as pool:
        await pool.run(read())
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        job = asyncio.create_task(pool.run(read(2)))
        await asyncio.sleep(0)
        job.cancel()

        with pytest.raises(asyncio.CancelledError):
            await job
        assert not psutil.pid_exists(pid)
        assert isinstance(await pool.run(read(3)), Done)


async def test_a_process_is_replaced_after_its_share_of_jobs():
    async with StepPool(1, StepLimits(jobs_per_process=2)) as pool:
        pids = set()
        for seed in range(4):
            assert isinstance(await pool.run(read(seed)), Done)
            pids.update(pool.pids)

    assert len(pids) == 2


async def test_closing_ends_every_process_and_refuses_further_jobs():
    pool = StepPool(2)
    await asyncio.gather(pool.run(read()), pool.run(read(1)))
    pids = pool.pids

    await pool.close()

    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(PoolClosed):
        await pool.run(read())


async def test_closing_while_a_job_runs_tells_the_caller():
    pool = StepPool(1)
    await pool.run(read())
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)
    job = asyncio.create_task(pool.run(read(2)))
    await asyncio.sleep(0)

    await pool.close()

    with pytest.raises(PoolClosed):
        await job


async def test_a_process_knows_nothing_of_the_servers_environment(monkeypatch):
    monkeypatch.setenv("TASKLOOM_ROOT_KEY", "a-secret-of-the-server-0123456789")
    async with StepPool(1) as pool:
        await pool.run(read())
        environment = psutil.Process(pool.pids[0]).environ()

    assert set(environment) <= {"PATH", "PYTHONPATH", "PYTHONHASHSEED", "LC_CTYPE"}


async def test_the_loop_goes_on_while_a_file_is_read():
    """A beat every few milliseconds is kept while a page of hundreds of megabytes is being parsed."""
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    async with StepPool(1, StepLimits(memory_bytes=400 * 1024 * 1024)) as pool:
        await pool.run(read())
        bomb = BOMB.make()
        beating = asyncio.create_task(beat())
        before = asyncio.get_running_loop().time()
        await pool.run(ReadText(bomb))
        seconds = asyncio.get_running_loop().time() - before
        beating.cancel()

    assert beats > seconds * 30


async def test_damaged_files_always_have_an_outcome(entities):
    """Bytes changed, cut out and doubled at random give a result or a refusal, never silence."""
    dice = random.Random(20_240_305)
    async with StepPool(2, StepLimits(page_s=10, memory_bytes=512 * 1024 * 1024)) as pool:
        jobs = [Extract(_damaged(make_invoice(seed % 10).data, dice), entities) for seed in range(150)]
        outcomes = await asyncio.gather(*(pool.run(job) for job in jobs))

    assert all(isinstance(outcome, Done | Failed) for outcome in outcomes)
    assert {type(outcome) for outcome in outcomes} == {Done, Failed}
    codes = {outcome.code for outcome in outcomes if isinstance(outcome, Failed)}
    assert "STEP_TIMEOUT" not in codes


def _damaged(data: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(dice.randrange(1, 12)):
        place = dice.randrange(len(damaged))
        length = dice.randrange(1, 40)
        kind = dice.randrange(3)
        if kind == 0:
            damaged[place : place + length] = dice.randbytes(length)
        elif kind == 1:
            del damaged[place : place + length]
        else:
            damaged[place:place] = damaged[place : place + length]
    return bytes(damaged)
