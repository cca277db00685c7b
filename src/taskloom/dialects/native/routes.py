"""The native dialect: identity, and what console and SDK need. It refuses with problems of RFC 9457."""

from typing import Any, Final

from taskloom.core.limits import PAYLOAD_BYTES
from taskloom.dialects.native import (
    freezing,
    identity,
    keys,
    listing,
    routes_webhooks,
    tasks,
    wire,
    wire_tasks,
)
from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import Body, Dialect, Operation

_REFUSED: Final[dict[int, Any]] = {401: wire.Problem, 403: wire.Problem}
_BULK: Final[dict[int, Any]] = {200: wire_tasks.Outcomes, 400: wire.Problem, **_REFUSED}

_TASKS: Final = (
    Operation(
        name="native.tasks_create",
        method="POST",
        path="/api/v1/tasks",
        handler=tasks.create,
        scope="task.write",
        summary="Make many tasks; each is answered by itself",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        request=wire_tasks.NewTasks,
        responses=_BULK,
    ),
    Operation(
        name="native.tasks_claim",
        method="POST",
        path="/api/v1/tasks/claim",
        handler=tasks.claim,
        scope="task.work",
        summary="Hand out tasks of some queues to a worker",
        body=Body.JSON,
        request=wire_tasks.ClaimTasks,
        responses={200: wire_tasks.ClaimedTasks, 400: wire.Problem, **_REFUSED},
        hot=True,
    ),
    Operation(
        name="native.tasks_complete",
        method="POST",
        path="/api/v1/tasks/complete",
        handler=tasks.complete,
        scope="task.work",
        summary="Complete many tasks; each is answered by itself",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        request=wire_tasks.Completions,
        responses=_BULK,
        hot=True,
    ),
    Operation(
        name="native.tasks_fail",
        method="POST",
        path="/api/v1/tasks/fail",
        handler=tasks.fail,
        scope="task.work",
        summary="Fail many attempts; each is answered by itself",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        request=wire_tasks.Failures,
        responses=_BULK,
    ),
    Operation(
        name="native.tasks_list",
        method="GET",
        path="/api/v1/tasks",
        handler=listing.listing,
        scope="task.read",
        summary="Tasks of every protocol, by queue, state and time",
        responses={200: wire_tasks.TaskPage, 400: wire.Problem, **_REFUSED, 404: wire.Problem},
    ),
    Operation(
        name="native.tasks_cancel",
        method="POST",
        path="/api/v1/tasks/{key}/cancel",
        handler=listing.cancel,
        scope="task.write",
        summary="End a task that is no longer wanted",
        body=Body.JSON,
        request=wire_tasks.CancelTask,
        responses={
            200: wire_tasks.ItemOutcome,
            400: wire.Problem,
            **_REFUSED,
            404: wire.Problem,
            409: wire.Problem,
        },
    ),
    Operation(
        name="native.tasks_read",
        method="GET",
        path="/api/v1/tasks/{key}",
        handler=tasks.read,
        scope="task.read",
        summary="A task as it is now, of whichever protocol",
        responses={200: wire_tasks.TaskView, **_REFUSED, 404: wire.Problem},
    ),
)

OPERATIONS: Final = (
    *_TASKS,
    *routes_webhooks.OPERATIONS,
    Operation(
        name="native.me",
        method="GET",
        path="/api/v1/me",
        handler=identity.me,
        scope="",
        summary="Who calls",
        responses={200: wire.Me, 401: wire.Problem},
    ),
    Operation(
        name="native.tenants",
        method="GET",
        path="/api/v1/tenants",
        handler=identity.tenants,
        scope="admin",
        summary="The tenants there are",
        responses={200: wire.Tenants, **_REFUSED},
    ),
    Operation(
        name="native.keys_create",
        method="POST",
        path="/api/v1/keys",
        handler=keys.create,
        scope="admin",
        summary="Make a key; the answer shows its secret once",
        body=Body.JSON,
        request=wire.NewKey,
        responses={201: wire.Key, 400: wire.Problem, **_REFUSED, 409: wire.Problem},
    ),
    Operation(
        name="native.keys_list",
        method="GET",
        path="/api/v1/keys",
        handler=keys.listing,
        scope="admin",
        summary="The keys of the tenant",
        responses={200: wire.Keys, **_REFUSED},
    ),
    Operation(
        name="native.keys_read",
        method="GET",
        path="/api/v1/keys/{name}",
        handler=keys.read,
        scope="admin",
        summary="One key, without its secret",
        responses={200: wire.Key, **_REFUSED, 404: wire.Problem},
    ),
    Operation(
        name="native.keys_revoke",
        method="DELETE",
        path="/api/v1/keys/{name}",
        handler=keys.revoke,
        scope="admin",
        summary="End a key for good",
        responses={204: None, **_REFUSED, 404: wire.Problem},
    ),
    Operation(
        name="native.callback_secret",
        method="GET",
        path="/api/v1/callbacks/secret",
        handler=identity.secret,
        scope="admin",
        summary="What the tenant's callbacks are signed with",
        responses={200: wire.CallbackSecrets, **_REFUSED},
    ),
    Operation(
        name="native.callback_secret_renew",
        method="POST",
        path="/api/v1/callbacks/secret",
        handler=identity.new_secret,
        scope="admin",
        summary="A new secret; the one before it signs too for a day",
        responses={200: wire.CallbackSecrets, **_REFUSED},
    ),
    Operation(
        name="native.store_freeze",
        method="POST",
        path="/api/v1/store/freeze",
        handler=freezing.freeze,
        visible=freezing.visible,
        scope="admin",
        summary="Hold the stored files still for a while, so that they can be copied",
        body=Body.JSON,
        request=freezing.Freeze,
        responses={200: wire.Frozen, 400: wire.Problem, **_REFUSED, 404: wire.Problem, 409: wire.Problem},
    ),
    Operation(
        name="native.store_thaw",
        method="POST",
        path="/api/v1/store/thaw",
        handler=freezing.thaw,
        visible=freezing.visible,
        scope="admin",
        summary="End a freeze; refused when it had ended by itself",
        body=Body.JSON,
        request=freezing.Thaw,
        responses={204: None, 400: wire.Problem, **_REFUSED, 404: wire.Problem, 409: wire.Problem},
    ),
)


def owns(path: str) -> bool:
    """Paths below `/api/`."""
    return path.startswith("/api/")


DIALECT: Final = Dialect(
    name="native",
    operations=OPERATIONS,
    render=problem,
    owns=owns,
    start=freezing.start,
    stop=freezing.stop,
)
