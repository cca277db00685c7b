"""From a worker's answer to the command that ends its task, whichever way the answer came."""

from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.commands import Complete, Fail
from taskloom.dialects.queue import usage
from taskloom.dialects.queue.translate import Completion
from taskloom.engine.engine import Engine

_SUCCESS: Final = range(200, 300)


class Actor(Struct, frozen=True):
    """Who answers: the wall around it, its key, and the only worker it may act as."""

    wall: str | None
    name: str
    worker: str = ""


def wants_usage(task_id: str, done: Completion) -> bool:
    """Whether what the task used stands in its frames, because the answer does not tell."""
    return done.usage is usage.NOTHING and usage.is_streaming(task_id)


async def with_usage(engine: Engine, actor: Actor, key: int, task_id: str, done: Completion) -> Completion:
    """The answer, with the usage a streaming task told on the way."""
    if not wants_usage(task_id, done):
        return done
    return msgspec.structs.replace(done, usage=await usage.of_stream(engine, actor.wall, key))


def finish(actor: Actor, key: int, done: Completion) -> Complete | Fail:
    """One that is no success fails the task, with the answer kept."""
    worker = actor.worker or done.worker
    if done.status in _SUCCESS:
        return Complete(
            key=key,
            tenant=actor.wall,
            result=done.result,
            token=done.token,
            worker=worker,
            by=actor.name,
            usage=done.usage,
        )
    return Fail(
        key=key,
        tenant=actor.wall,
        code=f"status_{done.status}",
        message=f"the worker answered with status {done.status}",
        answered=True,
        result=done.result,
        token=done.token,
        worker=worker,
        by=actor.name,
    )
