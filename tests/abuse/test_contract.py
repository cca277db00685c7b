"""A1: every operation, called with what our OpenAPI document allows and with what it does not.

No answer is a 5xx, and each has a status, a media type and a body that the document declares. `-s` shows how
many requests there were, and what became of them.
"""

import asyncio
import random

import msgspec
import pytest

from taskloom.dialects.operation import Body
from taskloom.server.openapi import document
from taskloom.server.settings import Settings
from taskloom.server.wiring import build
from tests.abuse.fuzzing import TWISTS, Fuzzer, Known, operations
from tests.abuse.good_bodies import GOOD_BODIES
from tests.abuse.test_isolation import SCENES, Side, made
from tests.dialects.queue.desk import QUEUE
from tests.server.fixtures import ROOT_KEY, serving

REQUESTS = {**dict.fromkeys(SCENES, 2_000), "oauth": 200, "server": 100, "openapi": 20}
LONG = 25
"""So many times more with --long: 50,000 for a dialect."""
LEFT_OUT = ("native.store_freeze",)
"""A frozen store answers every write with 503, which is what it is for."""


async def world(server, dialect, known):
    """A tenant in which something of everything is there; the client may do all in it."""
    sides = []
    for tenant in ("tenant-a", "tenant-b"):
        admin = await server.key("admin", tenant, scopes=("admin",), rate=0)
        sides.append(Side(server, await server.key("app", tenant, rate=0), admin))
    known.learn({"model": "m2", "team_id": "tenant-a", "project_id": "p", "full_name": f"{QUEUE}:1"})
    if dialect in SCENES:
        scene = await SCENES[dialect](*sides)
        for call in (*scene.still, *scene.listing):
            known.learn((await made(sides[0].client, call)).json())
    client = server.client(ROOT_KEY, taskloom_tenant="tenant-a")
    for name, endpoint in (
        ("native", "/v1/embeddings"),
        ("chat", "/v1/chat/completions"),
        ("r", "/v1/responses"),
    ):
        await client.post("/v1/queue/register", {"queue": name, "endpoint": endpoint, "models": ["m2"]})
    return client


@pytest.fixture
def runner():
    """The loop of the server; Hypothesis wants to be called from outside of it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def server(runner, tmp_path):
    async def begun():
        return await running.__aenter__()

    running = serving(tmp_path / "data")
    yield runner.run(begun())
    runner.run(running.__aexit__(None, None, None))


@pytest.fixture
def fuzzed(runner, server):
    """(dialect, how many requests, seed) -> the fuzzer that made them."""

    def fuzz(dialect, count, seed, change=lambda described: None, twists=TWISTS):
        known = Known()
        client = runner.run(world(server, dialect, known))
        described = msgspec.json.decode(msgspec.json.encode(document(server.app.endpoints, "1")))
        change(described)
        fuzzer = Fuzzer(operations(described, dialect, LEFT_OUT), client, known, GOOD_BODIES)
        fuzzer.run(runner, count, seed, twists)
        print(f"\n{dialect}, seed {seed}: {dict(fuzzer.answers)}, left {fuzzer.left}, {dict(fuzzer.reached)}")
        return fuzzer

    return fuzz


def verdict(fuzzer):
    return "\n\n".join(f"{name}: {kind}\n{example}" for (name, kind), example in fuzzer.problems.items())


def test_every_operation_with_a_body_has_a_good_one():
    endpoints = build(Settings(store="memory")).endpoints
    taking = {one.operation.name for one in endpoints if one.operation.body is not Body.NONE}

    assert taking - set(LEFT_OUT) == set(GOOD_BODIES)


@pytest.mark.parametrize("dialect", REQUESTS)
def test_answers_are_as_the_document_says(fuzzed, dialect):
    fuzzer = fuzzed(dialect, REQUESTS[dialect], seed=1)

    assert not fuzzer.problems, verdict(fuzzer)
    assert fuzzer.reached.total(), "nothing was ever accepted"


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("dialect", REQUESTS)
def test_answers_are_as_the_document_says_at_length(fuzzed, dialect):
    fuzzer = fuzzed(dialect, LONG * REQUESTS[dialect], seed=random.randrange(1 << 32), twists=1)

    assert not fuzzer.problems, verdict(fuzzer)


def test_a_document_that_promises_something_else_is_found_out(fuzzed):
    def promise(described):
        responses = described["paths"]["/livez"]["get"]["responses"]
        responses["200"]["content"]["application/json"]["schema"] = {"type": "array"}

    fuzzer = fuzzed("server", 20, seed=1, change=promise)

    assert {name for name, _ in fuzzer.problems} == {"GET /livez"}
