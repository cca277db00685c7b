"""No webhook is registered at an address that calls would not leave for, however it is spelled (A10)."""

from tests.callbacks.test_address import urls
from tests.server.fixtures import serving


async def test_no_hostile_address_is_registered(tmp_path):
    async with serving(tmp_path / "data", store="memory") as server:
        client = server.client()
        for url in sorted(set(urls())):
            answer = await client.post("/api/v1/webhooks", {"url": url, "events": ["*"]})
            assert answer.status == 400, (url, answer.body)
        assert (await client.get("/api/v1/webhooks")).json() == {"items": []}
