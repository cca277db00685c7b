"""The table of methods. Rates are those the original publishes."""

from typing import Final

from taskloom.dialects.agents import changing, claiming, describe, reading, tasks, workers
from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.method import Method, Methods, method

_METHODS: Final[tuple[Method, ...]] = (
    method(
        "task.create", wp.CreateParams, wr.CreateResult, tasks.create,
        scope="task.write", rate=100, summary="Put a task on the board",
    ),
    method(
        "task.update", wp.UpdateParams, wr.UpdateResult, changing.update,
        scope="task.write", rate=20, summary="Change text, priority, metadata or status of a task",
    ),
    method(
        "task.assign", wp.AssignParams, wr.AssignResult, changing.assign,
        scope="task.write", rate=20, summary="Reserve a task for a worker",
    ),
    method(
        "task.unassign", wp.UnassignParams, wr.UnassignResult, changing.unassign,
        scope="task.supervise", rate=20, summary="Take a task back from its worker",
    ),
    method(
        "task.claim", wp.ClaimParams, wr.ClaimResult, claiming.claim,
        scope="task.work", rate=100, summary="Take the next tasks to work on",
    ),
    method(
        "task.heartbeat", wp.HeartbeatParams, wr.HeartbeatResult, tasks.heartbeat,
        scope="task.work", rate=1000, summary="Keep a claimed task",
    ),
    method(
        "task.complete", wp.CompleteParams, wr.CompleteResult, tasks.complete,
        scope="task.work", rate=100, summary="End a task: completed or failed",
    ),
    method(
        "task.release", wp.ReleaseParams, wr.ReleaseResult, tasks.release,
        scope="task.work", rate=100, summary="Give a claimed task back",
    ),
    method(
        "task.get", wp.GetParams, wr.GetResult, reading.get,
        scope="task.read", rate=100, summary="One task, whole",
    ),
    method(
        "task.list", wp.ListParams, wr.ListResult, reading.list_tasks,
        scope="task.read", rate=100, summary="A page of tasks",
    ),
    method(
        "system.register", wp.RegisterParams, wr.RegisterResult, workers.register,
        scope="task.work", rate=100, summary="A worker is there",
    ),
    method(
        "system.heartbeat", wp.InstanceParams, wr.AliveResult, workers.heartbeat,
        scope="task.work", rate=1000, summary="A worker is still there",
    ),
    method(
        "system.unregister", wp.InstanceParams, wr.UnregisterResult, workers.unregister,
        scope="task.work", rate=50, summary="A worker leaves",
    ),
    method(
        "system.discover", wp.DiscoverParams, wr.DiscoverResult, describe.discover,
        scope="", rate=100, summary="The methods there are",
    ),
)  # fmt: skip

METHODS: Final[Methods] = {one.name: one for one in _METHODS}
