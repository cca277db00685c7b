"""The operations of models: inference endpoints and responses."""

from typing import Final

from taskloom.core.limits import PAYLOAD_BYTES
from taskloom.dialects.operation import Body, Operation
from taskloom.dialects.queue import routes_inference, routes_responses
from taskloom.dialects.queue.registry import INFERENCE, RESPONSES
from taskloom.dialects.queue.wire import ErrorBody
from taskloom.dialects.queue.wire_openai import DeletedResponse, ItemList

_ASKING: Final = tuple(
    Operation(
        name=f"queue.{path.removeprefix('/v1/').replace('/', '_')}",
        method="POST",
        path=path,
        handler=routes_inference.ask,
        scope="task.write",
        summary="Ask a model and wait for a worker's answer.",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        responses={200: None, 400: ErrorBody, 404: ErrorBody, 408: ErrorBody, 429: ErrorBody},
        hot=True,
    )
    for path in INFERENCE
)

_RESPONSE: Final = f"{RESPONSES}/{{response_id}}"

_RESPONSES: Final = (
    Operation(
        name="queue.responses_create",
        method="POST",
        path=RESPONSES,
        handler=routes_responses.create,
        scope="task.write",
        summary="Ask for a response: waited for, streamed, or in the background.",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        responses={200: None, 400: ErrorBody, 404: ErrorBody, 408: ErrorBody, 429: ErrorBody},
        hot=True,
    ),
    Operation(
        name="queue.responses_get",
        method="GET",
        path=_RESPONSE,
        handler=routes_responses.get,
        scope="task.read",
        summary="A response as it is now, or its events from the one after starting_after.",
        responses={200: None, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.responses_delete",
        method="DELETE",
        path=_RESPONSE,
        handler=routes_responses.delete,
        scope="task.write",
        summary="Let a response be found no more.",
        responses={200: DeletedResponse, 404: ErrorBody},
    ),
    Operation(
        name="queue.responses_cancel",
        method="POST",
        path=f"{_RESPONSE}/cancel",
        handler=routes_responses.cancel,
        scope="task.write",
        summary="End a response in the background.",
        responses={200: None, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.responses_input_items",
        method="GET",
        path=f"{_RESPONSE}/input_items",
        handler=routes_responses.input_items,
        scope="task.read",
        summary="What a response was asked, as items.",
        responses={200: ItemList, 400: ErrorBody, 404: ErrorBody},
    ),
)

OPERATIONS: Final = (*_ASKING, *_RESPONSES)
