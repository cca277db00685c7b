"""The process that runs steps on strangers' files: `python -m taskloom.dialects.documents.steps.worker`.

It reads jobs from standard input and answers on what was standard output; it knows no store, no network and
no secret, may write no file, and has bounds on memory and on the processor time of each job. When it dies
its pool starts another.
"""

import os
import resource
import sys
from typing import BinaryIO

import msgspec

from taskloom.dialects.documents.steps.extract import extract
from taskloom.dialects.documents.steps.jobs import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    AtPage,
    Done,
    Extract,
    Failed,
    Job,
    Reply,
    decode_job,
    frame,
)
from taskloom.dialects.documents.steps.pdf import FileRefused
from taskloom.dialects.documents.steps.text import Progress, read_text

_OPEN_FILES = 64


def main(arguments: list[str]) -> int:
    """Serve jobs until standard input ends: memory_bytes and job_cpu_s are the arguments."""
    memory_bytes, job_cpu_s = int(arguments[0]), int(arguments[1])
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _confine(memory_bytes)
    while True:
        job = _read_job(sys.stdin.buffer)
        if job is None:
            return 0
        _allow_cpu(job_cpu_s)
        reply = _run(job, lambda page: _send(replies, AtPage(page)))
        _send(replies, reply)
        if isinstance(reply, Failed) and reply.code == "STEP_OUT_OF_MEMORY":
            return 1


def _run(job: Job, progress: Progress) -> Reply:
    try:
        result = (
            extract(job.data, job.entities, progress)
            if isinstance(job, Extract)
            else read_text(job.data, progress)
        )
        return Done(msgspec.json.encode(result))
    except FileRefused as refused:
        return Failed(refused.code, refused.message)
    except MemoryError:
        return Failed("STEP_OUT_OF_MEMORY", "The file needs more memory than a step may use.")
    except Exception as error:  # noqa: BLE001  whatever a file provokes must not end the process
        return Failed("STEP_CRASHED", f"The step failed: {type(error).__name__}.")


def _confine(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))


def _allow_cpu(seconds: int) -> None:
    """Processor time from now on: it ends a job that nobody waits for any more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def _read_job(source: BinaryIO) -> Job | None:
    head = source.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "big")
    body = source.read(length) if length <= FRAME_BYTES_MAX else b""
    return decode_job(body) if len(body) == length else None


def _send(replies: BinaryIO, reply: Reply) -> None:
    left = memoryview(frame(reply))
    while left:
        left = left[replies.write(left) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
