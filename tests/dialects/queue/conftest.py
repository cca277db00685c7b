import pytest

from tests.dialects.queue.desk import Desk


@pytest.fixture
async def desk(server):
    desk = Desk(server, await server.key("desk"))
    await desk.register()
    return desk
