"""Alive, ready, measured."""

import re

from taskloom.core.commands import Create
from taskloom.ports.store import UnavailableError


async def test_the_front_door_says_which_service_this_is(server):
    answer = (await server.client(None).get("/")).json()

    assert (answer["status"], answer["service"]) == ("healthy", "taskloom")
    assert set(answer) == {"status", "service", "version", "timestamp"}


async def test_it_is_ready_until_it_is_about_to_stop(server):
    client = server.client(None)
    assert (await client.get("/readyz")).status == 200

    server.app.drain()

    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/livez")).status == 200


async def test_it_is_not_ready_while_the_store_cannot_write_and_again_when_it_can(server, monkeypatch):
    client = server.client(None)
    connection = server.engine.store._connection

    class Full:
        in_transaction = False

        def execute(self, statement, *more):
            import sqlite3

            raise sqlite3.OperationalError("database or disk is full")

    server.engine.store._connection = Full()
    refused = await server.client().post("/api/v1/keys", {"name": "x", "scopes": ["task.read"]})
    not_ready = await client.get("/readyz")
    server.engine.store._connection = connection
    ready = await client.get("/readyz")

    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert not_ready.status == 503
    assert ready.status == 200


async def test_a_store_that_cannot_be_read_is_told_apart_from_a_fault(server, monkeypatch):
    async def unreadable(*_):
        raise UnavailableError("gone")

    monkeypatch.setattr(server.engine.store, "records", unreadable)

    answer = await server.client().get("/api/v1/keys")

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_fault_in_a_handler_tells_the_caller_nothing(server, monkeypatch, caplog):
    async def broken(*_):
        raise RuntimeError("an inner detail")

    monkeypatch.setattr(server.engine.store, "records", broken)

    answer = await server.client().get("/api/v1/keys")

    assert answer.status == 500
    assert b"inner detail" not in answer.body
    assert "an inner detail" in caplog.text


async def test_what_happened_is_measured(server):
    admin = server.client()
    for _ in range(3):
        await server.engine.submit(Create(tenant="default", queue="q", dialect="queue"))
    server.clock.advance(seconds=7)
    await admin.get("/api/v1/me")
    await server.client(None).get("/api/v1/me")

    text = (await admin.get("/metrics")).body.decode()

    def value(name):
        return float(re.search(rf"^{re.escape(name)} (.*)$", text, re.MULTILINE)[1])

    assert value('taskloom_requests_total{operation="native.me",status="200"}') == 1
    assert value('taskloom_requests_total{operation="native.me",status="401"}') == 1
    assert value('taskloom_request_seconds_count{operation="native.me"}') == 2
    assert value('taskloom_request_seconds_bucket{le="+Inf",operation="native.me"}') == 2
    assert value('taskloom_tasks{state="ready"}') == 3
    assert value("taskloom_oldest_ready_seconds") == 7
    assert value("taskloom_outbox_lag_seconds") == 0
    assert value("taskloom_batch_commands_sum") >= 3
    assert value("taskloom_commit_seconds_count") >= 1
    assert "taskloom_build_info" in text


async def test_figures_about_every_tenant_are_not_for_one(server):
    key = await server.key("boss", scopes=("admin",))

    assert (await server.client(key).get("/metrics")).status == 403


async def test_a_caller_may_name_its_request_and_nothing_else(server):
    client = server.client(None)

    named = await client.get("/livez", headers={"x-request-id": "my-request.1"})
    forged = await client.get("/livez", headers={"x-request-id": "a b\tc"})

    assert named.headers["x-request-id"] == "my-request.1"
    assert "a b" not in forged.headers["x-request-id"]


async def test_methods_are_told_and_others_refused_in_the_shape_of_the_dialect(server):
    client = server.client()

    asked = await client.call("OPTIONS", "/api/v1/keys")
    refused = await client.call("PATCH", "/api/v1/keys")
    head = await client.call("HEAD", "/api/v1/me")

    assert (asked.status, asked.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert refused.headers["content-type"] == "application/problem+json"
    assert head.status == 200
