"""Failures: the attempts of a task that came to nothing, the last few of them, kept with the task as text."""

from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.limits import FAILURE_MESSAGE_LENGTH, FAILURES_KEPT


class Failure(Struct, frozen=True, gc=False, array_like=True):
    """One attempt and why it came to nothing; `attempt` 0 is an end that came while nobody held the task."""

    attempt: int
    worker: str
    started_at: int
    ended_at: int
    code: str
    message: str


_read: Final = msgspec.json.Decoder(list[Failure]).decode


def read(text: str) -> list[Failure]:
    """The failures that were written, oldest first."""
    return _read(text) if text else []


def added(text: str, failure: Failure) -> str:
    """The text with one failure more; the oldest goes when there are too many."""
    short = msgspec.structs.replace(failure, message=failure.message[:FAILURE_MESSAGE_LENGTH])
    return msgspec.json.encode([*read(text), short][-FAILURES_KEPT:]).decode()
