import pytest

from taskloom.store.memory import MemoryStore
from taskloom.store.postgres.store import PostgresStore
from tests.dialects.native.bench import Bench
from tests.server.fixtures import serving


@pytest.fixture
async def server(request, tmp_path):
    """Over SQLite; over each of `STORES` in the modules that parametrize this fixture."""
    store = None
    kind = getattr(request, "param", "sqlite")
    if kind == "memory":
        store = MemoryStore()
    elif kind == "postgres":
        store = PostgresStore(request.getfixturevalue("database"))
    async with serving(tmp_path / "data", store=store) as running:
        yield running


@pytest.fixture
async def bench(server):
    return Bench(server, await server.key("bench"))
