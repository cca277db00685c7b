"""The policy of a queue through the native API, and the deadlines a task has of its own."""

import pytest

from tests.dialects.native.bench import QUEUE, STORES
from tests.server.fixtures import ROOT_KEY

PATH = f"/api/v1/queues/{QUEUE}/policy"
RETRY = {"max_retries": 1, "first_pause_ms": 0, "longest_pause_ms": 0, "final_codes": ["hopeless"]}
POLICY = {"start_ms": 60_000, "run_ms": 30_000, "retry": RETRY}
NONE = {"start_ms": 0, "run_ms": 0, "retry": None}

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


@pytest.fixture
def admin(server):
    return server.client(ROOT_KEY)


async def pass_by(bench, seconds):
    bench.server.clock.advance(seconds=seconds)
    await bench.server.engine.sweep()


async def test_a_policy_is_set_shown_and_taken_away(bench, admin):
    assert (await bench.client.get(PATH)).json() == NONE

    assert (await admin.put(PATH, POLICY)).json() == POLICY
    assert (await bench.client.get(PATH)).json() == POLICY

    assert (await admin.delete(PATH)).status == 204
    assert (await bench.client.get(PATH)).json() == NONE


async def test_only_an_administrator_changes_it(bench):
    assert (await bench.client.put(PATH, POLICY)).status == 403


async def test_it_holds_for_tasks_made_from_then_on(bench, admin):
    (before,) = await bench.made()
    await admin.put(PATH, POLICY)
    (after,) = await bench.made()

    await pass_by(bench, 61)

    assert [(await bench.get(key))["state"] for key in (before, after)] == ["ready", "failed"]
    assert (await bench.get(after))["error"]["code"] == "start_timeout"


async def test_an_attempt_may_last_as_long_as_the_policy_says_and_is_tried_again_once(bench, admin):
    await admin.put(PATH, POLICY)
    (key,) = await bench.made()
    for _ in range(2):
        await bench.claimed(lease_ms=600_000)
        await pass_by(bench, 31)

    shown = await bench.get(key)
    assert (shown["state"], shown["error"]["code"], shown["attempt"]) == ("failed", "run_timeout", 2)


async def test_a_tasks_own_words_win_over_the_policy(bench, admin):
    await admin.put(PATH, POLICY)
    (key,) = await bench.made(retries=3, run_ms=900_000, start_by="2100-01-01T00:00:00Z")

    await bench.claimed(lease_ms=600_000)
    await pass_by(bench, 61)

    shown = await bench.get(key)
    assert (shown["state"], shown["retries"]) == ("leased", 3)


async def test_policies_of_tenants_do_not_meet(bench, admin):
    stranger = await bench.other("stranger", tenant="elsewhere")
    await admin.put(PATH, POLICY)

    assert (await stranger.client.get(PATH)).json() == NONE


@pytest.mark.parametrize(
    "body", [{"start_ms": -1}, {"run_ms": 1 << 40}, {"retry": {"max_retries": "x"}}, {"what": 1}, []]
)
async def test_what_is_no_policy_is_refused(admin, body):
    assert (await admin.put(PATH, body)).status == 400
