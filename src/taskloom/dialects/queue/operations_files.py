"""The operations on files and batches."""

from typing import Final

from taskloom.core.limits import FILE_BYTES, MIB
from taskloom.dialects.operation import Body, Operation
from taskloom.dialects.queue import routes_batches, routes_files
from taskloom.dialects.queue.batches import Shown
from taskloom.dialects.queue.wire import ErrorBody
from taskloom.dialects.queue.wire_openai import BatchList, DeletedFile, FileList, FileObject, NewBatch
from taskloom.dialects.queue.wire_queries import BatchesAsked, FilesAsked

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

OPERATIONS: Final = (*_FILES, *_BATCHES)
