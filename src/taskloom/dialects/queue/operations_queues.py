"""The operations on queues: registration, statistics, dead letters, models."""

from typing import Final

from taskloom.dialects.operation import Body, Operation
from taskloom.dialects.queue import routes_console, routes_queues
from taskloom.dialects.queue.wire import ErrorBody
from taskloom.dialects.queue.wire_openai import Model, ModelList
from taskloom.dialects.queue.wire_queries import LettersAsked
from taskloom.dialects.queue.wire_queues import (
    DeadLetterList,
    EventBusPlace,
    Metadata,
    QueueDetails,
    QueueHead,
    Register,
)

_STATISTICS_RATE: Final = 120
"""They count tasks, which takes longer the more there are."""

OPERATIONS: Final = (
    Operation(
        name="queue.register",
        method="POST",
        path="/v1/queue/register",
        handler=routes_queues.register,
        scope="task.work",
        summary="Make a queue known.",
        body=Body.JSON,
        request=Register,
        responses={200: str, 400: ErrorBody, 409: ErrorBody},
    ),
    Operation(
        name="queue.eventbus",
        method="GET",
        path="/v1/queue/eventbus",
        handler=routes_queues.eventbus,
        scope="task.work",
        summary="Where the event bus is, with a user that can only write there.",
        responses={200: EventBusPlace, 404: ErrorBody},
    ),
    Operation(
        name="queue.metadata",
        method="GET",
        path="/v1/queue/{queue}/metadata",
        handler=routes_queues.metadata,
        scope="task.read",
        summary="What a queue was registered with.",
        responses={200: Metadata, 404: ErrorBody},
    ),
    Operation(
        name="queue.backlog",
        method="GET",
        path="/v1/queue/{full_name}/backlog",
        handler=routes_console.backlog,
        scope="task.read",
        summary="How many tasks wait in a queue at a level.",
        responses={200: int, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.stats",
        method="GET",
        path="/v1/queue/{full_name}/stats",
        handler=routes_console.stats,
        scope="task.read",
        summary="The totals of a queue at a level.",
        rate=_STATISTICS_RATE,
        responses={200: QueueHead, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.details",
        method="GET",
        path="/v1/queue/{full_name}/details",
        handler=routes_console.details,
        scope="task.read",
        summary="How a queue at a level stands now.",
        rate=_STATISTICS_RATE,
        responses={200: QueueDetails, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.console_stats",
        method="GET",
        path="/v1/console/queue/stats",
        handler=routes_console.all_stats,
        scope="task.read",
        summary="The totals of all queues.",
        rate=_STATISTICS_RATE,
        responses={200: list[QueueHead]},
    ),
    Operation(
        name="queue.dead_letters",
        method="GET",
        path="/v1/console/{full_name}/dead_letters",
        handler=routes_console.dead_letters,
        scope="task.read",
        summary="Tasks of a queue at a level that failed for good.",
        query=LettersAsked,
        responses={200: DeadLetterList, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.clear",
        method="POST",
        path="/v1/console/{full_name}/clear",
        handler=routes_console.clear,
        scope="task.work",
        summary="Cancel all that waits in a queue at a level.",
        responses={200: str, 400: ErrorBody, 404: ErrorBody},
    ),
    Operation(
        name="queue.models",
        method="GET",
        path="/v1/models",
        handler=routes_queues.models,
        scope="task.read",
        summary="All models that can be asked.",
        responses={200: ModelList},
    ),
    Operation(
        name="queue.model",
        method="GET",
        path="/v1/models/{model}",
        handler=routes_queues.model,
        scope="task.read",
        summary="One model.",
        responses={200: Model, 404: ErrorBody},
    ),
    Operation(
        name="queue.model_of_owner",
        method="GET",
        path="/v1/models/{owner}/{model}",
        handler=routes_queues.model,
        scope="task.read",
        summary="One model whose name has a slash that was not percent-encoded.",
        responses={200: Model, 404: ErrorBody},
    ),
)
