"""The two files that a batch ends with, while they are written."""

from typing import Any

import msgspec

from taskloom.core.limits import (
    FILE_BYTES,
)
from taskloom.core.task import TaskState
from taskloom.dialects.queue import batch_output
from taskloom.dialects.queue.batch_output import Row, Usage
from taskloom.dialects.queue.spelling import spell
from taskloom.dialects.queue.wire import Attributes
from taskloom.ports.blobs import Blobs, IncomingBlob


class ResultFiles:
    """The two files of results while they are written."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._open: dict[bool, IncomingBlob] = {}
        self._lines = {True: 0, False: 0}

    @property
    def output_lines(self) -> int:
        """Rows that went well."""
        return self._lines[True]

    @property
    def error_lines(self) -> int:
        """Rows that did not."""
        return self._lines[False]

    def write(self, line: bytes, *, is_output: bool) -> None:
        """Add a line to one of them."""
        file = self._open.get(is_output)
        if file is None:
            file = self._open[is_output] = self._blobs.incoming(FILE_BYTES * 4)
        file.write(line)
        self._lines[is_output] += 1

    def commit(self) -> dict[str, tuple[int, str]]:
        """Make those durable that have lines: kind -> (size, blob)."""
        found = {}
        for is_output in list(self._open):
            blob = self._open.pop(is_output).commit()
            found["output" if is_output else "error"] = (blob.size, blob.key)
        return found

    def discard(self) -> None:
        """Forget what is not durable."""
        while self._open:
            self._open.popitem()[1].discard()


def write_page(
    writer: ResultFiles, rows: list[dict[str, Any]], results: dict[int, bytes], usage: Usage
) -> int:
    """Each row into the file it belongs to; how many bytes that were."""
    size = 0
    for row in rows:
        own = msgspec.json.decode(row["attributes"], type=Attributes)
        ended = Row(
            task_id=spell(row["key"], own.queue_id, row["level"], own.mode),
            custom_id=own.custom_id,
            state=TaskState(row["state"]),
            error_code=row["error_code"],
            error=row["error"],
            result=results.get(row["result_key"]) if row["result_key"] else None,
        )
        is_output, text = batch_output.line(ended, usage)
        writer.write(text, is_output=is_output)
        size += len(text)
    return size
