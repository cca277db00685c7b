"""The switches of a tenant: shown, changed one by one, and whose business they are."""

import pytest

from taskloom.core.tenants import TENANT, decoded
from taskloom.server.identity import Tenants

PATH = "/api/v1/tenants/default"


@pytest.fixture
async def boss(server):
    await Tenants(server.engine).ensure("default")
    return server.client(await server.key("boss", scopes=["admin"]))


async def test_a_tenant_has_no_switches_at_first(boss):
    shown = (await boss.get(PATH)).json()

    assert (shown["name"], shown["partial_validation"], shown["bella_batch_times"]) == ("default", False, "s")


async def test_what_is_left_out_stays(server, boss):
    before = (await boss.get(PATH)).json()
    await boss.call("PATCH", PATH, {"partial_validation": True})

    changed = (await boss.call("PATCH", PATH, {"bella_batch_times": "ms"})).json()

    assert changed == {**before, "partial_validation": True, "bella_batch_times": "ms"}
    assert (await boss.get("/api/v1/tenants")).json()["items"] == [changed]
    record = await server.engine.store.record(TENANT, "*", "default")
    assert decoded(record.body).created_at


@pytest.mark.parametrize(
    "body", [{"bella_batch_times": "h"}, {"partial_validation": 1}, {"name": "x"}, [], {"created_at": 1}]
)
async def test_what_is_no_switch_is_refused(boss, body):
    assert (await boss.call("PATCH", PATH, body)).status == 400


async def test_a_foreign_tenant_is_not_there(server, boss):
    stranger = server.client(await server.key("stranger", tenant="elsewhere", scopes=["admin"]))

    assert (await stranger.get(PATH)).status == 404
    assert (await stranger.call("PATCH", PATH, {"partial_validation": True})).status == 404
    assert not (await boss.get(PATH)).json()["partial_validation"]
