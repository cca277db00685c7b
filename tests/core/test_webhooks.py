"""Which events a webhook wants, and what its tenant hears of."""

import pytest

from taskloom.core.limits import CALLBACK_PAUSES_MS
from taskloom.core.records import Record
from taskloom.core.retry import planned_ms
from taskloom.core.webhooks import (
    LISTENER,
    Webhook,
    hears_of_tasks,
    removal,
    webhook_changes,
    webhook_of,
)


def webhook(*events, key=1, **more):
    return Webhook(key=key, url="https://example.org/", events=events, secret=b"s", **more)


@pytest.mark.parametrize(
    ("pattern", "event", "wanted"),
    [
        ("batch.completed", "batch.completed", True),
        ("batch.completed", "batch.completed.later", False),
        ("batch.*", "batch.failed", True),
        ("batch.*", "batches.failed", False),
        ("batch.*", "batch", False),
        ("*", "anything.at.all", True),
    ],
)
def test_a_webhook_wants_what_its_patterns_mean(pattern, event, wanted):
    assert webhook(pattern).wants(event) == wanted
    assert not webhook(pattern, enabled=False).wants(event)


def test_queues_narrow_the_ends_of_tasks_and_nothing_else():
    narrow = webhook("*", queues=("a",))

    assert narrow.wants("task.completed", "a")
    assert not narrow.wants("task.completed", "b")
    assert narrow.wants("batch.completed", "b")


def test_the_older_secret_signs_until_its_time_is_over():
    rotated = webhook("*", older=b"o", older_until=100)

    assert rotated.secrets(99) == (b"s", b"o")
    assert rotated.secrets(100) == (b"s",)


def listener(changes):
    """The record of the listener after these changes."""
    (change,) = [one for one in changes if one.kind == LISTENER]
    return Record(change.kind, change.tenant, change.name, 1, change.body)


def test_a_tenant_hears_of_tasks_while_some_webhook_wants_to():
    tasks, batches = webhook("task.failed", key=1), webhook("batch.*", key=2)

    def hears(changes):
        return hears_of_tasks(listener(changes))

    assert hears(webhook_changes("t", tasks, [], None, 0))
    assert hears(webhook_changes("t", batches, [tasks], None, 0))
    assert hears(webhook_changes("t", webhook("*", key=3), [], None, 0))
    assert not hears(webhook_changes("t", batches, [], None, 0))
    assert not hears(webhook_changes("t", webhook("task.*", key=1, enabled=False), [tasks], None, 1))
    assert not hears(removal("t", tasks, [tasks, batches], None, 1))


def test_a_webhook_is_stored_as_it_is():
    made = webhook("*", key=7, description="x")
    record, _ = webhook_changes("t", made, [], None, 0)

    assert webhook_of(Record(record.kind, "t", record.name, 1, record.body, record.key)) == made


def test_the_plan_of_attempts_ends_after_three_days_and_differs_by_call():
    plans = [[planned_ms(n, CALLBACK_PAUSES_MS, seed) for n in range(1, 11)] for seed in range(1, 200)]

    for plan in plans:
        assert plan[-1] is None
        for pause, full in zip(plan, CALLBACK_PAUSES_MS, strict=False):
            assert full <= pause <= full * 1.1
    assert 72 * 3_600_000 < sum(CALLBACK_PAUSES_MS) < 80 * 3_600_000
    assert len({tuple(plan) for plan in plans}) > 100
