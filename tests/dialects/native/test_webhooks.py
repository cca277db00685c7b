"""Webhooks and deliveries over HTTP, on every store: who is told of what, how it went, and once more."""

import asyncio
import json

import pytest

from taskloom.core.access import EVERY_TENANT
from taskloom.core.limits import CALLBACK_PAUSES_MS, DELIVERY_KEPT_S, SECRET_OVERLAP_MS, WEBHOOKS_PER_TENANT
from taskloom.ports.callbacks import Delivery
from tests.dialects.native.bench import QUEUE, STORES, done

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)
URL = "https://example.org/hook"


@pytest.fixture
async def admin(server):
    return server.client(await server.key("boss", scopes=("admin",)))


async def hook(admin, *events, url=URL, **more):
    answer = await admin.post("/api/v1/webhooks", {"url": url, "events": list(events), **more})
    assert answer.status == 201, answer.body
    return answer.json()


async def deliveries(admin, asked=""):
    answer = await admin.get(f"/api/v1/deliveries?{asked}")
    assert answer.status == 200, answer.body
    return answer.json()["items"]


async def once(find, holds):
    """What is found, once it is as it should be."""
    async with asyncio.timeout(30):
        while not holds(found := await find()):  # noqa: ASYNC110  the server tells nobody of its own work
            await asyncio.sleep(0.01)
    return found


async def until(admin, state, count=1, asked=""):
    """The deliveries once so many of them are in this state."""
    return await once(lambda: deliveries(admin, f"state={state}&{asked}"), lambda found: len(found) >= count)


async def attempted(admin, times):
    """The newest delivery was tried so often."""
    await once(lambda: deliveries(admin), lambda items: items and items[0]["attempts"] == times)


async def later(server, ms):
    """Time passes, and what is due then is looked at."""
    server.clock.advance(ms=ms)
    await server.engine.sweep()


async def detail(admin, item):
    return (await admin.get(f"/api/v1/deliveries/{item['key']}")).json()


async def finished(bench, **fields):
    await bench.made(**fields)
    (task,) = await bench.claimed(**({"queue": fields["queue"]} if "queue" in fields else {}))
    await bench.complete(done(task, {"a": 1}))
    return task["key"]


async def test_the_end_of_a_task_is_told_to_the_webhooks_that_want_it(server, bench, admin):
    wanting = await hook(admin, "task.*")
    await hook(admin, "task.failed", "batch.*")
    await hook(admin, "*", queues=["another"])

    key = await finished(bench)
    (call,) = await server.inbox.next()
    (told,) = await until(admin, "delivered")

    event = json.loads(call.body)
    assert (event["type"], event["object"], event["data"]["id"]) == ("task.completed", "event", key)
    assert event["data"]["queue"] == QUEUE
    assert (call.url, call.tenant) == (URL, "default")
    assert told["webhook"] == wanting["key"]
    assert (told["event"], told["subject"], told["attempts"]) == ("task.completed", key, 1)
    assert told["message_id"] == f"msg_{call.key}"


async def test_nobody_else_is_told(server, bench, admin):
    await hook(server.client(await server.key("other", "elsewhere", scopes=("admin",))), "*")
    await hook(admin, "*", enabled=False)
    gone = await hook(admin, "*")
    assert (await admin.delete(f"/api/v1/webhooks/{gone['key']}")).status == 204
    await finished(bench)
    told = await hook(admin, "task.*")
    key = await finished(bench)

    await until(admin, "delivered")

    assert [json.loads(call.body)["data"]["id"] for call in server.inbox.calls] == [key]
    assert {item["webhook"] for item in await deliveries(admin)} == {told["key"]}


async def test_a_delivery_is_tried_by_plan_with_the_same_id_and_body_until_it_is_given_up(
    server, bench, admin
):
    server.inbox.answer = Delivery(delivered=False, reason="status 500", status=500)
    made = await hook(admin, "task.completed")
    await finished(bench)

    for attempt, pause_ms in enumerate((*CALLBACK_PAUSES_MS, None), start=1):
        await server.inbox.next(attempt)
        if pause_ms is None:
            (item,) = await until(admin, "failed")
            break
        await attempted(admin, attempt)
        assert len(await deliveries(admin, "state=pending")) == 1
        await later(server, pause_ms + pause_ms // 10)

    shown = await detail(admin, item)
    assert len({(call.key, call.body) for call in server.inbox.calls}) == 1
    assert [call.attempt for call in server.inbox.calls] == list(range(1, 11))
    assert [one["status"] for one in shown["log"]] == [500] * 10
    assert shown["reason"] == "status 500"
    assert shown["body"] == json.loads(server.inbox.calls[0].body)
    assert shown["webhook"] == made["key"]


async def test_a_receiver_that_is_gone_disables_its_webhook_and_ends_what_waits(server, bench, admin):
    server.inbox.answer = Delivery(delivered=False, reason="status 500", status=500)
    made = await hook(admin, "task.completed")
    await finished(bench)
    await attempted(admin, 1)
    await later(server, 1_000)
    server.inbox.answer = Delivery(delivered=False, gone=True, reason="status 410", status=410)
    await finished(bench)

    items = await until(admin, "failed", 2)

    assert {item["reason"] for item in items} == {"the webhook is disabled", "status 410"}
    found = (await admin.get(f"/api/v1/webhooks/{made['key']}")).json()
    assert (found["enabled"], found["disabled_because"]) == (False, "it answered 410")

    await later(server, 10_000)
    server.inbox.answer = Delivery(delivered=True)
    changed = await admin.call("PATCH", f"/api/v1/webhooks/{made['key']}", {"enabled": True})
    assert changed.json()["disabled_because"] == ""
    window = {"failed_after": "2020-01-01T00:00:00Z", "failed_before": "2100-01-01T00:00:00Z"}
    again = (await admin.post("/api/v1/deliveries/send", {**window, "webhook": made["key"]})).json()
    assert again == {"count": 2, "next": None}
    assert {item["key"] for item in await until(admin, "delivered", 2)} == {item["key"] for item in items}


async def test_bulk_sends_again_only_what_failed_within_the_time(server, bench, admin):
    server.inbox.answer = Delivery(delivered=False, gone=True, reason="status 410", status=410)
    await hook(admin, "task.completed")
    await finished(bench)
    await until(admin, "failed")
    before = {"failed_after": "2020-01-01T00:00:00Z", "failed_before": "2020-01-02T00:00:00Z"}

    assert (await admin.post("/api/v1/deliveries/send", before)).json() == {"count": 0, "next": None}
    assert (await admin.post("/api/v1/deliveries/send", {})).status == 400


async def test_a_delivered_one_can_be_sent_again_and_keeps_its_log(server, bench, admin):
    await hook(admin, "task.*")
    await finished(bench)
    (item,) = await until(admin, "delivered")

    answer = await admin.post(f"/api/v1/deliveries/{item['key']}/send")
    first, second = await server.inbox.next(2)
    await until(admin, "delivered")

    assert (answer.status, answer.json()) == (202, {"key": item["key"]})
    assert (first.key, first.body) == (second.key, second.body)
    await once(lambda: detail(admin, item), lambda found: len(found["log"]) == 2)


async def test_a_test_event_goes_to_the_webhook_alone(server, admin):
    made = await hook(admin, "batch.completed")
    await hook(admin, "*", url="https://example.org/other")

    answer = await admin.post(f"/api/v1/webhooks/{made['key']}/test")
    (call,) = await server.inbox.next()

    assert answer.status == 202
    assert json.loads(call.body)["type"] == "webhook.test"
    assert call.url == URL
    (item,) = await until(admin, "delivered", asked="event=webhook.test")
    assert item["key"] == answer.json()["key"]


async def test_after_a_rotation_both_secrets_sign_for_a_day(server, admin):
    made = await hook(admin, "batch.completed")
    path = f"/api/v1/webhooks/{made['key']}"

    renewed = (await admin.post(f"{path}/secret")).json()["secrets"]
    await admin.post(f"{path}/test")
    (during,) = await server.inbox.next()
    server.clock.advance(ms=SECRET_OVERLAP_MS)
    await admin.post(f"{path}/test")
    _, after = await server.inbox.next(2)

    assert renewed[1] == made["secret"]
    assert len(during.secrets) == 2
    assert after.secrets == during.secrets[:1]
    assert (await admin.get(f"{path}/secret")).json()["secrets"] == renewed[:1]


async def test_a_webhook_shows_all_but_its_secret(admin):
    made = await hook(admin, "batch.*", description="for the books", queues=["a"])
    secret = made.pop("secret")

    assert secret.startswith("whsec_")
    assert (await admin.get(f"/api/v1/webhooks/{made['key']}")).json() == made
    assert (await admin.get("/api/v1/webhooks")).json() == {"items": [made]}
    changed = await admin.call("PATCH", f"/api/v1/webhooks/{made['key']}", {"events": ["*"]})
    assert changed.json() == {**made, "events": ["*"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://127.0.0.1/"},
        {"url": "https://[::ffff:169.254.169.254]/"},
        {"url": "http://example.org/"},
        {"url": "https://user@example.org/"},
        {"url": ""},
        {"events": []},
        {"events": ["*.completed"]},
        {"events": ["Batch.Completed"]},
        {"events": ["batch.**"]},
        {"events": ["batch.completed\n"]},
        {"secret": "whsec_x"},
        {"tenant": "other"},
    ],
)
async def test_what_is_no_webhook_is_refused(admin, wrong):
    answer = await admin.post("/api/v1/webhooks", {"url": URL, "events": ["*"], **wrong})

    assert answer.status == 400
    assert (await admin.get("/api/v1/webhooks")).json() == {"items": []}
    made = await hook(admin, "*")
    if "tenant" not in wrong:
        changed = await admin.call("PATCH", f"/api/v1/webhooks/{made['key']}", wrong)
        assert changed.status == 400


async def test_a_tenant_has_so_many_webhooks_and_no_more(server, admin):
    for _ in range(WEBHOOKS_PER_TENANT):
        await hook(admin, "batch.failed")

    answer = await admin.post("/api/v1/webhooks", {"url": URL, "events": ["*"]})

    assert answer.status == 409


async def test_foreign_and_missing_look_alike(server, bench, admin):
    made = await hook(admin, "task.*")
    await finished(bench)
    (item,) = await until(admin, "delivered")
    stranger = server.client(await server.key("other", "elsewhere", scopes=("admin",)))

    for method, path in (
        ("GET", "webhooks/{}"),
        ("PATCH", "webhooks/{}"),
        ("DELETE", "webhooks/{}"),
        ("GET", "webhooks/{}/secret"),
        ("POST", "webhooks/{}/secret"),
        ("POST", "webhooks/{}/test"),
        ("GET", "deliveries/{}"),
        ("POST", "deliveries/{}/send"),
    ):
        own = made["key"] if path.startswith("webhooks") else item["key"]
        found, missing = [
            await stranger.call(method, f"/api/v1/{path}".format(key), {} if method == "PATCH" else None)
            for key in (own, "1")
        ]
        assert (found.status, found.json()["detail"]) == (404, missing.json()["detail"]), path
    assert await deliveries(stranger) == []
    assert (await stranger.get("/api/v1/deliveries?tenant=default")).status == 404


async def test_the_administrator_sees_every_tenant(server, bench, admin):
    await hook(admin, "task.*")
    await finished(bench)
    await until(admin, "delivered")
    root = server.client()

    assert len(await deliveries(root, f"tenant={EVERY_TENANT}")) == 1
    assert len(await deliveries(root, "tenant=default")) == 1
    assert await deliveries(root, "tenant=elsewhere") == []


async def test_deliveries_are_listed_by_page_webhook_task_and_event(server, bench, admin):
    made = await hook(admin, "task.*")
    keys = [await finished(bench) for _ in range(3)]
    items = await until(admin, "delivered", 3)

    assert [item["subject"] for item in items] == keys[::-1]
    page = (await admin.get("/api/v1/deliveries?limit=2")).json()
    rest = (await admin.get(f"/api/v1/deliveries?limit=2&after={page['next']}")).json()
    assert page["items"] + rest["items"] == items
    assert rest["next"] is None
    assert await deliveries(admin, f"task={keys[0]}&webhook={made['key']}&event=task.completed") == items[2:]
    assert await deliveries(admin, "webhook=1") == []
    assert (await admin.get("/api/v1/deliveries?state=lost")).status == 400


async def test_deliveries_are_forgotten_when_they_were_kept_long_enough(server, bench, admin):
    await hook(admin, "task.*")
    await finished(bench)
    await until(admin, "delivered")

    await server.engine.webhooks.forget_old()
    assert len(await deliveries(admin)) == 1
    server.clock.advance(seconds=DELIVERY_KEPT_S + 1)
    await server.engine.webhooks.forget_old()

    assert await deliveries(admin) == []


async def test_two_who_change_a_webhook_at_once_do_not_undo_each_other(server, admin):
    made = await hook(admin, "task.*")
    path = f"/api/v1/webhooks/{made['key']}"

    answers = await asyncio.gather(
        *(admin.call("PATCH", path, {"description": text}) for text in ("one", "two"))
    )

    assert sorted(answer.status for answer in answers) in ([200, 200], [200, 409])
