"""The operations of the queue dialect, and the dialect itself."""

from typing import Final

from taskloom.core.files import FILE
from taskloom.dialects.clearing import Clearer
from taskloom.dialects.operation import Dialect, Services
from taskloom.dialects.queue import (
    files,
    operations_files,
    operations_inference,
    operations_queues,
    operations_tasks,
)
from taskloom.dialects.queue.batch_work import BatchWorker
from taskloom.dialects.queue.errors import render
from taskloom.dialects.queue.eventbus import NAME as EVENT_BUS
from taskloom.dialects.queue.eventbus import EventBus
from taskloom.dialects.queue.translate import NAME, called_back
from taskloom.flows.batch import BatchFlow
from taskloom.flows.batch_state import KIND as BATCH
from taskloom.flows.stream import KIND, StreamFlow
from taskloom.ports.bus import Streams
from taskloom.views.batches import BATCHES, FILES, project_batch, project_file
from taskloom.views.frames import FRAMES, project_frames

_WORKER: Final = "queue.batches"
_CLEARER: Final = "queue.clearer"

OPERATIONS: Final = (
    *operations_queues.OPERATIONS,
    *operations_tasks.OPERATIONS,
    *operations_inference.OPERATIONS,
    *operations_files.OPERATIONS,
)


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
