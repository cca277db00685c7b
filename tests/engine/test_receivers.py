"""Who may be called now: a receiver in trouble delays itself and nobody else."""

import pytest

from taskloom.core.limits import (
    CALLBACK_RECEIVERS_REMEMBERED,
    CALLBACK_REST_ASKED_MS_MAX,
    CALLBACK_REST_MS_MAX,
    CALLBACKS_AT_ONCE_IN_TROUBLE,
    CALLBACKS_AT_ONCE_PER_RECEIVER,
    CALLBACKS_AT_ONCE_PER_TENANT,
)
from taskloom.engine.receivers import Receivers, receiver_of

NOW = 1_000_000


@pytest.fixture
def receivers():
    return Receivers()


def begin(receivers, name, tenant="t", now=NOW):
    """Whether a call could begin."""
    return not receivers.is_busy(name, tenant, now) and receivers.admit(name, tenant)


def fail(receivers, name, tenant="t", now=NOW, **more):
    assert begin(receivers, name, tenant, now)
    receivers.release(name, now, failed=True, **more)


def test_a_receiver_has_a_few_calls_at_once(receivers):
    begun = [begin(receivers, "t a") for _ in range(CALLBACKS_AT_ONCE_PER_RECEIVER + 1)]

    assert begun == [*[True] * CALLBACKS_AT_ONCE_PER_RECEIVER, False]
    assert receivers.busy(NOW) == ["t a"]
    assert begin(receivers, "t b")
    receivers.release("t a", NOW, failed=False)
    assert begin(receivers, "t a")


def test_after_a_failure_it_rests_and_then_has_one(receivers):
    fail(receivers, "t a")

    assert not begin(receivers, "t a")
    later = NOW + CALLBACK_REST_MS_MAX
    assert begin(receivers, "t a", now=later)
    assert not begin(receivers, "t a", now=later)
    receivers.release("t a", later, failed=False)
    assert [begin(receivers, "t a", now=later) for _ in range(2)] == [True, True]


def test_it_rests_as_long_as_it_asks_up_to_a_bound(receivers):
    now = NOW
    for asked in (0, 20_000, 86_400_000):
        fail(receivers, "t a", now=now, pause_ms=asked)
        assert receivers.is_busy("t a", "t", now + min(asked, CALLBACK_REST_ASKED_MS_MAX) - 1)
        now += max(CALLBACK_REST_MS_MAX, min(asked, CALLBACK_REST_ASKED_MS_MAX))
        assert not receivers.is_busy("t a", "t", now)


def test_a_call_that_was_not_made_changes_nothing(receivers):
    fail(receivers, "t a")
    later = NOW + CALLBACK_REST_MS_MAX
    assert begin(receivers, "t a", now=later)
    receivers.release("t a", later, failed=None)

    assert receivers.is_in_trouble("t a")
    assert not receivers.is_busy("t a", "t", later)


def test_a_tenant_has_its_part_of_the_calls(receivers):
    begun = [begin(receivers, f"t {number}") for number in range(CALLBACKS_AT_ONCE_PER_TENANT)]

    assert all(begun)
    assert not begin(receivers, "t more")
    assert receivers.busy_tenants() == ["t"]
    assert begin(receivers, "u a", "u")


def test_all_in_trouble_together_have_a_part_of_the_calls(receivers):
    names = [(f"{number} a", str(number)) for number in range(CALLBACKS_AT_ONCE_IN_TROUBLE + 1)]
    for name, tenant in names:
        fail(receivers, name, tenant)

    later = NOW + CALLBACK_REST_MS_MAX
    begun = [begin(receivers, name, tenant, later) for name, tenant in names]

    assert begun == [*[True] * CALLBACKS_AT_ONCE_IN_TROUBLE, False]
    assert begin(receivers, "healthy", "t", later)


def test_tenants_who_share_a_host_do_not_share_its_trouble(receivers):
    url = "https://hooks.example.org/a"
    fail(receivers, receiver_of("t", url))

    assert receiver_of("t", url) == receiver_of("t", "https://HOOKS.example.org/b")
    assert begin(receivers, receiver_of("u", url), "u")


def test_what_is_remembered_is_bounded(receivers):
    for number in range(CALLBACK_RECEIVERS_REMEMBERED + 50):
        fail(receivers, f"{number} a", str(number))

    assert len(receivers.busy(NOW)) <= CALLBACK_RECEIVERS_REMEMBERED
