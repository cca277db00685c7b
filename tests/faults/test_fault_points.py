"""F2: the server dies at every named instant, in every dialect; nothing promised breaks.

For each cell the server is started with the fault, a small script of the dialect runs until the server has
died by itself, it is started again without the fault, and the script goes on: it repeats what was unknown and
works until nothing is left. What a dialect does not pass is stated here too, and shown.
"""

import argparse
import asyncio
import itertools

import aiohttp
import pytest

from samples.invoices import make_invoice
from taskloom.ports.faults import POINTS
from tests.faults import checker, client, history
from tests.faults.spelling import key_of
from tests.faults.stage import TENANTS

BATCHES = {"rows_checked", "rows_portion", "results_written"}
FILES = {"blob_committed", "blob_referred"}
STEPS = {"follow_up_submitted", "step_finished"}
NOT_PASSED = {
    # Only documents have steps of the server's own and go on in a follow-up command, after a review.
    # Batches have their own test, and so have files. Every task's end is announced to a webhook.
    "queue": STEPS | BATCHES | FILES,
    "agents": STEPS | BATCHES | FILES,
    "processes": STEPS | BATCHES | FILES,
    "documents": BATCHES,
}
CELLS = [
    (dialect, point) for dialect, missing in NOT_PASSED.items() for point in POINTS if point not in missing
]
PASSES = {
    "batch_loaded": 8,
    "batch_decided": 7,
    "before_commit": 7,
    "after_commit": 8,
    "before_answer": 8,
    "before_wake": 8,
    "step_finished": 2,
    "outbox_sent": 2,
    "outbox_marked": 2,
}
"""At which pass it dies, so that something is under way; others at the first."""
GUARD_S = 90.0
_numbers = itertools.count(1000)


class Script(client.Client):
    """A client that makes a few things and works until the store is at rest."""

    made = 0
    things = 3

    @property
    def producing(self) -> bool:
        return self.made < self.things

    async def make(self, dialect, verb, mark, path, body):
        await super().make(dialect, verb, mark, path, body)
        self.made += 1


def jobs(script, dialect):
    """The producer and the worker of a dialect."""
    document = make_invoice(2).data
    return {
        "queue": lambda: (client.queue_producer(script), client.queue_worker(script)),
        "agents": lambda: (client.agents_producer(script), client.agents_worker(script)),
        "processes": lambda: (client.processes_producer(script), client.processes_worker(script)),
        "documents": lambda: (client.documents_producer(script, document), client.documents_worker(script)),
    }[dialect]()


async def play(script, dialect, at_rest):
    """Run the script until all is made and everything has ended, whatever the server goes through."""

    async def ends():
        while script.producing or not await asyncio.to_thread(at_rest):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
        script.stop.with_suffix(".done").touch()

    async with asyncio.timeout(GUARD_S):
        await asyncio.gather(*jobs(script, dialect), ends())


async def run_cell(site, dialect, folder, between):
    """The script on one side, what happens to the server on the other."""
    options = argparse.Namespace(
        url=site.server.url,
        key=site.keys[TENANTS[0]],
        tenant=TENANTS[0],
        name=f"c{next(_numbers)}",
        history=folder,
        stop=folder / "stop.flag",
        callback=site.callback,
        seed=1,
        seconds=GUARD_S,
        pause=0.01,
        lease=1,
    )
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        script = Script(session, options)
        try:
            await asyncio.gather(play(script, dialect, site.store.is_at_rest), asyncio.to_thread(between))
        finally:
            script.history.close()


def faults_of(site, folder):
    site.server.stop()
    operations = list(history.read(folder))
    assert any(one.verb == "complete" and one.result == "ok" for one in operations)
    return checker.check(site.store.gather(), operations, site.received, key_of)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("dialect", "point"), CELLS)
async def test_no_promise_breaks_when_the_server_dies_at(site, tmp_path, dialect, point):
    folder = tmp_path / "histories"
    folder.mkdir()
    site.server.start(fault=f"{point}:{PASSES.get(point, 1)}")

    def between():
        site.server.wait()
        site.server.start()

    await run_cell(site, dialect, folder, between)

    assert await asyncio.to_thread(faults_of, site, folder) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize("dialect", NOT_PASSED)
async def test_the_other_points_are_not_passed(site, tmp_path, dialect):
    folder = tmp_path / "histories"
    folder.mkdir()
    site.server.start(fault=",".join(sorted(NOT_PASSED[dialect])))

    await run_cell(site, dialect, folder, lambda: None)

    assert site.server.running
    assert await asyncio.to_thread(faults_of, site, folder) == []
