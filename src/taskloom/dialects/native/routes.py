"""The native dialect: identity, and what console and SDK need. It refuses with problems of RFC 9457."""

from typing import Any, Final

from taskloom.dialects.native import (
    freezing,
    routes_identity,
    routes_letters,
    routes_queues,
    routes_tasks,
    routes_webhooks,
    wire,
)
from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import Body, Dialect, Operation

_REFUSED: Final[dict[int, Any]] = {401: wire.Problem, 403: wire.Problem}

OPERATIONS: Final = (
    *routes_tasks.OPERATIONS,
    *routes_letters.OPERATIONS,
    *routes_queues.OPERATIONS,
    *routes_webhooks.OPERATIONS,
    *routes_identity.OPERATIONS,
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
