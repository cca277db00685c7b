"""The operations of the queue dialect, and the dialect itself."""

from typing import Final

from taskloom.core.files import FILE
from taskloom.core.limits import FILE_BYTES, MIB, PAYLOAD_BYTES
from taskloom.dialects.clearing import Clearer
from taskloom.dialects.operation import Body, Dialect, Operation, Services
from taskloom.dialects.queue import (
    files,
    routes_batches,
    routes_console,
    routes_files,
    routes_inference,
    routes_put,
    routes_queues,
    routes_responses,
    routes_tasks,
    routes_work,
)
from taskloom.dialects.queue.batch_work import BatchWorker
from taskloom.dialects.queue.batches import Shown
from taskloom.dialects.queue.errors import render
from taskloom.dialects.queue.eventbus import NAME as EVENT_BUS
from taskloom.dialects.queue.eventbus import EventBus
from taskloom.dialects.queue.registry import INFERENCE, RESPONSES
from taskloom.dialects.queue.translate import NAME, called_back
from taskloom.dialects.queue.wire import (
    AttemptEnded,
    BatchList,
    DeadLetterList,
    DeletedFile,
    DeletedResponse,
    ErrorBody,
    EventBusPlace,
    Failed,
    FileList,
    FileObject,
    Heartbeat,
    ItemList,
    Metadata,
    Model,
    ModelList,
    NewBatch,
    Progress,
    Put,
    PutAnswer,
    QueueDetails,
    QueueHead,
    Register,
    Released,
    Signal,
    Take,
    TaskView,
)
from taskloom.dialects.queue.wire_queries import BatchesAsked, FilesAsked, LettersAsked
from taskloom.flows.batch import KIND as BATCH
from taskloom.flows.batch import BatchFlow
from taskloom.flows.stream import KIND, StreamFlow
from taskloom.ports.bus import Streams
from taskloom.views.batches import BATCHES, FILES, project_batch, project_file
from taskloom.views.frames import FRAMES, project_frames

_TASK: Final = "/v1/queue/{task_id}"
_WORKER: Final = "queue.batches"
_CLEARER: Final = "queue.clearer"
_STATISTICS_RATE: Final = 120
"""They count tasks, which takes longer the more there are."""

_QUEUES: Final = (
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

_TASKS: Final = (
    Operation(
        name="queue.put",
        method="POST",
        path="/v1/queue/put",
        handler=routes_put.put,
        scope="task.write",
        summary="Put a task into a queue; wait for its result where the mode says so.",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        request=Put,
        responses={200: PutAnswer, 400: ErrorBody, 404: ErrorBody, 408: ErrorBody, 429: ErrorBody},
        hot=True,
    ),
    Operation(
        name="queue.take",
        method="POST",
        path="/v1/queue/take",
        handler=routes_work.take,
        scope="task.work",
        summary="Take tasks from queues.",
        body=Body.JSON,
        request=Take,
        responses={200: dict[str, list[TaskView]], 400: ErrorBody},
        hot=True,
    ),
    Operation(
        name="queue.complete",
        method="POST",
        path=f"{_TASK}/complete",
        handler=routes_work.complete,
        scope="task.work",
        summary="Finish a task.",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        responses={200: str, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
        hot=True,
    ),
    Operation(
        name="queue.fail",
        method="POST",
        path=f"{_TASK}/fail",
        handler=routes_work.fail,
        scope="task.work",
        summary="End an attempt without a result; it is tried again as its policy says.",
        body=Body.JSON,
        request=Failed,
        responses={200: AttemptEnded, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
    ),
    Operation(
        name="queue.release",
        method="POST",
        path=f"{_TASK}/release",
        handler=routes_work.release,
        scope="task.work",
        summary="Give a task back unfinished.",
        body=Body.JSON,
        request=Released,
        responses={200: AttemptEnded, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
    ),
    Operation(
        name="queue.progress",
        method="POST",
        path=f"{_TASK}/progress",
        handler=routes_work.progress,
        scope="task.work",
        summary="Tell of progress; a streaming caller receives it as a frame.",
        body=Body.JSON,
        request=Progress,
        responses={200: Signal, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
        hot=True,
    ),
    Operation(
        name="queue.heartbeat",
        method="POST",
        path=f"{_TASK}/heartbeat",
        handler=routes_work.heartbeat,
        scope="task.work",
        summary="Let the lease end later.",
        body=Body.JSON,
        request=Heartbeat,
        responses={200: Signal, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
    ),
    Operation(
        name="queue.replay",
        method="POST",
        path=f"{_TASK}/replay",
        handler=routes_tasks.replay,
        scope="task.write",
        summary="Begin anew with a task that failed for good.",
        responses={200: str, 404: ErrorBody, 409: ErrorBody},
    ),
    Operation(
        name="queue.cancel",
        method="POST",
        path=f"{_TASK}/cancel",
        handler=routes_tasks.cancel,
        scope="task.write",
        summary="End a task that is no longer wanted.",
        responses={202: str, 404: ErrorBody},
    ),
    Operation(
        name="queue.get",
        method="GET",
        path=_TASK,
        handler=routes_tasks.get,
        scope="task.read",
        summary="A task as it is now.",
        responses={200: TaskView, 404: ErrorBody},
    ),
    Operation(
        name="queue.stream",
        method="GET",
        path=f"{_TASK}/stream",
        handler=routes_tasks.stream,
        scope="task.read",
        summary="The frames of a streaming task, from the one after Last-Event-ID.",
        responses={200: None, 400: ErrorBody, 404: ErrorBody},
    ),
)

_INFERENCE: Final = tuple(
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

_FILES: Final = (
    Operation(
        name="queue.files_create",
        method="POST",
        path="/v1/files",
        handler=routes_files.create,
        scope="task.write",
        summary="Bring a file.",
        body=Body.STREAM,
        limit_bytes=FILE_BYTES + MIB,
        responses={200: FileObject, 400: ErrorBody, 413: ErrorBody},
        media_types=("multipart/form-data",),
    ),
    Operation(
        name="queue.files_list",
        method="GET",
        path="/v1/files",
        handler=routes_files.listing,
        scope="task.read",
        summary="The files of the tenant.",
        query=FilesAsked,
        responses={200: FileList, 400: ErrorBody},
    ),
    Operation(
        name="queue.files_get",
        method="GET",
        path="/v1/files/{file_id}",
        handler=routes_files.get,
        scope="task.read",
        summary="One file, without its content.",
        responses={200: FileObject, 404: ErrorBody},
    ),
    Operation(
        name="queue.files_content",
        method="GET",
        path="/v1/files/{file_id}/content",
        handler=routes_files.content,
        scope="task.read",
        summary="The content of a file, or a range of it.",
        responses={200: None, 206: None, 404: ErrorBody, 416: ErrorBody},
    ),
    Operation(
        name="queue.files_delete",
        method="DELETE",
        path="/v1/files/{file_id}",
        handler=routes_files.delete,
        scope="task.write",
        summary="Delete a file; batches that run on it go on.",
        responses={200: DeletedFile, 404: ErrorBody},
    ),
)

_BATCHES: Final = (
    Operation(
        name="queue.batches_create",
        method="POST",
        path="/v1/batches",
        handler=routes_batches.create,
        scope="task.write",
        summary="Make a batch of a file of requests.",
        body=Body.JSON,
        request=NewBatch,
        responses={200: Shown, 400: ErrorBody},
    ),
    Operation(
        name="queue.batches_list",
        method="GET",
        path="/v1/batches",
        handler=routes_batches.listing,
        scope="task.read",
        summary="The batches of the tenant, the newest first.",
        query=BatchesAsked,
        responses={200: BatchList, 400: ErrorBody},
    ),
    Operation(
        name="queue.batches_get",
        method="GET",
        path="/v1/batches/{batch_id}",
        handler=routes_batches.get,
        scope="task.read",
        summary="A batch as it is now.",
        responses={200: Shown, 404: ErrorBody},
    ),
    Operation(
        name="queue.batches_cancel",
        method="POST",
        path="/v1/batches/{batch_id}/cancel",
        handler=routes_batches.cancel,
        scope="task.write",
        summary="Stop a batch.",
        responses={200: Shown, 400: ErrorBody, 404: ErrorBody},
    ),
)

OPERATIONS: Final = (*_QUEUES, *_TASKS, *_INFERENCE, *_RESPONSES, *_FILES, *_BATCHES)


async def _start(services: Services) -> None:
    worker = services.resources[_WORKER] = BatchWorker(services)
    await worker.start()
    clearer = services.resources[_CLEARER] = Clearer(services.engine)
    await clearer.start()
    streams: Streams | None = services.resources.get("streams")
    if streams is not None:
        bus = services.resources[EVENT_BUS] = EventBus(services, streams)
        await bus.start()


async def _stop(services: Services) -> None:
    if EVENT_BUS in services.resources:
        await services.resources[EVENT_BUS].stop()
    await services.resources[_CLEARER].stop()
    await services.resources[_WORKER].stop()


def owns(path: str) -> bool:
    """Whether a path without an operation is refused in this dialect's shape."""
    return path == "/v1" or path.startswith("/v1/")


DIALECT: Final = Dialect(
    name=NAME,
    operations=OPERATIONS,
    render=render,
    owns=owns,
    flows=(StreamFlow(), BatchFlow()),
    views=(FRAMES, BATCHES, FILES),
    projections={KIND: project_frames, BATCH: project_batch, FILE: project_file},
    callbacks={NAME: called_back},
    refers=files.referred,
    start=_start,
    stop=_stop,
)
