"""What a caller waits for is done while the caller is there, and no longer."""

import asyncio
from types import SimpleNamespace

import pytest

from taskloom.dialects.presence import while_present


class Caller(SimpleNamespace):
    """A request whose caller goes away when told to."""

    def __init__(self):
        super().__init__(gone=asyncio.Event())
        self.disconnected = self.gone.wait


class Work:
    """Waits until it is finished, and notes how it ended."""

    def __init__(self):
        self.finished = asyncio.get_running_loop().create_future()
        self.begun = asyncio.Event()
        self.was_cancelled = False

    async def run(self):
        self.begun.set()
        try:
            return await self.finished
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


@pytest.fixture
async def caller():
    return Caller()


@pytest.fixture
async def work():
    return Work()


async def begun(caller, work):
    waiting = asyncio.create_task(while_present(caller, work.run()))
    await work.begun.wait()
    await asyncio.sleep(0)  # the watch for the caller has begun too
    return waiting


async def test_a_caller_that_stays_gets_what_the_work_gives(caller, work):
    waiting = await begun(caller, work)
    work.finished.set_result("done")

    assert await waiting == "done"


async def test_a_fault_of_the_work_reaches_the_caller(caller, work):
    waiting = await begun(caller, work)
    work.finished.set_exception(ValueError("broken"))

    with pytest.raises(ValueError, match="broken"):
        await waiting


async def test_work_is_cancelled_when_the_caller_goes_away(caller, work):
    waiting = await begun(caller, work)
    caller.gone.set()

    assert await waiting is None
    assert work.was_cancelled


async def test_what_comes_after_the_caller_left_is_not_disturbed(caller, work):
    async def wait_and_go_on():
        answer = await while_present(caller, work.run())
        await asyncio.sleep(0)
        return answer, asyncio.current_task().cancelling()

    waiting = asyncio.create_task(wait_and_go_on())
    await work.begun.wait()
    await asyncio.sleep(0)
    caller.gone.set()

    assert await waiting == (None, 0)


async def test_a_caller_that_leaves_once_the_work_is_done_disturbs_nothing(caller, work):
    async def wait_and_go_on():
        answer = await while_present(caller, work.run())
        caller.gone.set()
        for _ in range(3):
            await asyncio.sleep(0)
        return answer

    waiting = asyncio.create_task(wait_and_go_on())
    await work.begun.wait()
    work.finished.set_result("done")

    assert await waiting == "done"


async def test_somebody_elses_cancellation_is_passed_on(caller, work):
    waiting = await begun(caller, work)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.was_cancelled


async def test_somebody_elses_cancellation_counts_also_when_the_caller_leaves_at_that_moment(caller, work):
    waiting = await begun(caller, work)
    caller.gone.set()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
