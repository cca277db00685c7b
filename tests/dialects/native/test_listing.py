"""Tasks of every protocol as a list, and one of them cancelled, on every store."""

import pytest

from tests.dialects.native.bench import QUEUE, STORES, done

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


async def listed(bench, asked=""):
    answer = await bench.client.get(f"/api/v1/tasks?{asked}")
    assert answer.status == 200, answer.body
    return answer.json()


def keys(page):
    return [item["key"] for item in page["items"]]


async def test_the_newest_come_first_and_pages_follow_each_other(bench):
    made = await bench.made(5)

    first = await listed(bench, "limit=2")
    second = await listed(bench, f"limit=2&after={first['next']}")
    last = await listed(bench, f"limit=2&after={second['next']}")
    oldest = await listed(bench, "order=oldest&limit=2")

    assert [keys(first), keys(second), keys(last)] == [made[4:2:-1], made[2:0:-1], made[:1]]
    assert (last["next"], keys(oldest)) == (None, made[:2])


async def test_a_list_is_narrowed_by_queue_level_state_worker_and_time(bench):
    one, other = await bench.made(2)
    (elsewhere,) = await bench.made(queue="elsewhere", level=3)
    (task,) = await bench.claimed(worker="w")
    created = (await bench.get(one))["created_at"]
    bench.server.clock.advance(seconds=60)
    (later,) = await bench.made()

    assert keys(await listed(bench, f"queue={QUEUE}&state=ready")) == [later, other]
    assert keys(await listed(bench, "queue=elsewhere&level=3&dialect=native")) == [elsewhere]
    assert keys(await listed(bench, "worker=w")) == [task["key"]]
    assert keys(await listed(bench, f"created_after={created}")) == [later]
    assert keys(await listed(bench, f"created_before={created}")) == []
    assert keys(await listed(bench, "state=leased,completed&state=failed")) == [one]


async def test_a_list_shows_what_a_task_is_and_not_what_it_holds(bench):
    (task,) = await bench.taken()
    await bench.complete(done(task, {"a": 1}))

    (item,) = (await listed(bench))["items"]
    whole = await bench.get(task["key"])

    assert item == {name: whole[name] for name in whole if name not in {"attributes", "input", "result"}}
    assert (item["state"], item["finished_by"]) == ("completed", "bench")


@pytest.mark.parametrize(
    "asked",
    [
        "state=open",
        "level=10",
        "level=x",
        "limit=0",
        "limit=1001",
        "order=up",
        "created_after=now",
        "nothing=1",
    ],
)
async def test_a_list_that_is_not_understood_is_refused(bench, asked):
    answer = await bench.client.get(f"/api/v1/tasks?{asked}")

    assert (answer.status, answer.json()["code"]) == (400, "invalid")


async def test_a_tenant_lists_its_own_and_the_administrator_whichever_it_names(bench):
    south = await bench.other("south", tenant="south")
    (own,), (foreign,) = await bench.made(), await south.made()
    admin = type(bench)(bench.server, None)
    admin.client = bench.server.client()

    assert keys(await listed(bench)) == [own]
    assert keys(await listed(admin)) == [foreign, own]
    assert keys(await listed(admin, "tenant=south")) == [foreign]
    assert (await bench.client.get("/api/v1/tasks?tenant=south")).status == 404


async def test_a_cancelled_task_has_ended_and_tells_why(bench):
    (key,) = await bench.made()

    answer = await bench.post(f"/{key}/cancel", reason="nobody asks any more")

    assert (answer.status, answer.json()) == (200, {"key": key, "status": "cancelled"})
    task = await bench.get(key)
    assert (task["state"], task["finished_by"]) == ("cancelled", "bench")
    assert task["error"]["detail"] == "nobody asks any more"


async def test_what_has_ended_is_not_cancelled_and_what_is_foreign_is_not_there(bench):
    south = await bench.other("south", tenant="south")
    (task,) = await bench.taken()
    await bench.complete(done(task))
    (foreign,) = await south.made()

    ended = await bench.post(f"/{task['key']}/cancel")
    missing = [await bench.post(f"/{key}/cancel") for key in (foreign, "1", "x", "9" * 40)]

    assert (ended.status, ended.json()["code"]) == (409, "already_final")
    assert {(answer.status, answer.json()["code"]) for answer in missing} == {(404, "not_found")}
    assert (await south.get(foreign))["state"] == "ready"


async def test_a_cancellation_needs_no_body_and_refuses_a_wrong_one(bench):
    (key,) = await bench.made()

    wrong = [await bench.client.post(f"/api/v1/tasks/{key}/cancel", body=b) for b in (b"[", b'{"why":1}')]
    plain = await bench.client.post(f"/api/v1/tasks/{key}/cancel")

    assert [answer.status for answer in wrong] == [400, 400]
    assert plain.status == 200
