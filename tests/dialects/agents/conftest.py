import pytest

from tests.dialects.agents.rig import Agents


@pytest.fixture(params=("memory", "sqlite"))
async def every(request, tmp_path):
    """A server on each store."""
    agents = await Agents.start(request.param, tmp_path / "data")
    yield agents
    await agents.stop()


@pytest.fixture
async def server(tmp_path):
    """A server on the default store."""
    agents = await Agents.start("sqlite", tmp_path / "data")
    yield agents
    await agents.stop()


@pytest.fixture
async def original(tmp_path):
    """A server with the quirks of the original."""
    agents = await Agents.start("sqlite", tmp_path / "data", compat_agents="claudebench")
    yield agents
    await agents.stop()
