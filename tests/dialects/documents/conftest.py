"""A server and a project for each test; the race table runs on every store that needs no server of its own."""

import pytest

from tests.dialects.documents.desk import TEAM, Desk
from tests.server.fixtures import serving


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
