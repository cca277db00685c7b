"""Workers come, stay and go."""

import pytest

from taskloom.core.limits import WORKER_TTL_MS
from taskloom.dialects.agents import registry
from taskloom.dialects.agents.registry import FORGOTTEN_MS
from taskloom.dialects.agents.workers import PAGE


async def test_a_worker_stays_as_long_as_it_gives_signs_of_life(every):
    await every.worker("w1")
    for _ in range(5):
        every.clock.advance(ms=WORKER_TTL_MS - 1)
        assert await every.ok("system.heartbeat", instanceId="w1") == {"alive": True}
    every.clock.advance(ms=WORKER_TTL_MS)

    assert await every.ok("system.heartbeat", instanceId="w1") == {"alive": False}
    assert await every.ok("system.heartbeat", instanceId="w2") == {"alive": False}


async def test_a_worker_that_comes_back_registers_again(every):
    await every.worker("w1")
    every.clock.advance(ms=WORKER_TTL_MS)
    await every.worker("w1")

    assert await every.ok("system.heartbeat", instanceId="w1") == {"alive": True}


async def test_what_a_leaving_worker_held_is_free_for_others(every):
    held = await every.claimed()
    reserved = await every.created()
    await every.ok("task.assign", taskId=reserved, instanceId="w1")

    left = await every.ok("system.unregister", instanceId="w1", sessionId="s", timestamp=1)

    assert left == {"unregistered": True, "tasksReassigned": 2}
    assert await every.ok("system.heartbeat", instanceId="w1") == {"alive": False}
    assert await every.refused("task.complete", id=held["taskId"], workerId="w1") == "TASK_NOT_ASSIGNED"
    await every.worker("w2")
    claim = await every.ok("task.claim", workerId="w2", maxTasks=5)
    assert [task["id"] for task in claim["tasks"]] == [held["taskId"], reserved]


async def test_a_worker_leaves_with_many_tasks(every):
    made = [await every.created() for _ in range(PAGE + 20)]
    await every.worker("w1")
    for _ in range(len(made) // 10):
        await every.ok("task.claim", workerId="w1", maxTasks=10)

    left = await every.ok("system.unregister", instanceId="w1")

    assert left["tasksReassigned"] == len(made)
    assert (await every.ok("task.list", ready=True))["totalCount"] == len(made)


async def test_leaving_touches_no_other_worker_and_no_other_tenant(every):
    stranger = await every.known("stranger", tenant="other")
    await every.claimed(worker="w1")

    assert (await every.ok("system.unregister", stranger, instanceId="w1"))["tasksReassigned"] == 0
    assert (await every.ok("system.unregister", instanceId="w2"))["tasksReassigned"] == 0
    assert (await every.ok("task.list", assignedTo="w1"))["totalCount"] == 1


async def test_a_bound_key_speaks_for_its_own_worker_only(every):
    bound = await every.known("bound", worker="w7")

    for method, name in (("system.heartbeat", "instanceId"), ("system.unregister", "instanceId")):
        assert await every.refused(method, bound, **{name: "w1"}) == "FORBIDDEN"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"id": "w1"},
        {"id": "", "roles": []},
        {"id": "w\n1", "roles": []},
        {"id": "x" * 257, "roles": []},
        {"id": "w1", "roles": ["r"] * 21},
        {"id": "w1", "roles": [""]},
        {"id": "w1", "roles": [1]},
    ],
)
async def test_a_registration_that_does_not_fit_is_refused(every, params):
    assert await every.refused("system.register", **params) == "INVALID_PARAMS"


async def test_the_round_over_the_workers_goes_page_by_page(every, monkeypatch):
    monkeypatch.setattr(registry, "PAGE", 2)
    for n in range(5):
        await every.worker(f"w{n}")
    every.clock.advance(ms=FORGOTTEN_MS + 1)

    assert await every.app.services.resources["agents"].registry.sweep() == 5


async def test_workers_long_gone_are_forgotten_and_others_kept(every):
    workers = every.app.services.resources["agents"].registry
    await every.worker("old")
    every.clock.advance(ms=FORGOTTEN_MS)
    await every.worker("young")
    every.clock.advance(ms=1)

    removed = await workers.sweep()

    assert removed == 1
    assert await workers.read("default", "old") is None
    assert await workers.read("default", "young") is not None
