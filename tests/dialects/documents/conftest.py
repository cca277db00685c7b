"""A server and a project for each test; the race table runs on every store."""

import pytest

from tests.dialects.documents.desk import TEAM, Desk
from tests.server.fixtures import Process, serving


@pytest.fixture
def store() -> str:
    return "sqlite"


@pytest.fixture
async def desk(tmp_path, store):
    async with serving(tmp_path / "data", store=store) as server:
        key = await server.key("clerk", TEAM, rate=0)
        yield Desk(server, server.client(key))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


def ended(process: Process) -> None:
    """See to it that it is gone, whoever killed it, and that its pipe is closed."""
    process.kill()
    if process._child is not None:
        process.wait()


@pytest.fixture
def process_of(tmp_path):
    """Makes server processes over one folder, each with an environment of its own; none outlives the test."""
    made: list[Process] = []

    def make(**environ: str) -> Process:
        made.append(Process(tmp_path / "server", **environ))
        return made[-1]

    yield make
    for one in made:
        ended(one)
