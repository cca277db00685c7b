"""Replays: dead letters begun anew, each once."""

from collections.abc import Sequence
from typing import Final

from msgspec import json

from taskloom.core.commands import Create, Replay
from taskloom.core.decide import overlay
from taskloom.core.task import Task
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Outcome
from taskloom.ports.store import Details

REPLAYS: Final = "replays"
"""The attribute with which a new task names the dead letter it takes the place of."""


async def replay(engine: Engine, keys: Sequence[int], tenant: str | None, by: str) -> list[Outcome]:
    """Begin anew with these letters; the reply of each is the task that lives now.

    What a flow has consumed the outcome of gets a successor of the same shape, which no flow owns.
    """
    tasks = await engine.store.tasks(keys)
    owned = [key for key, task in tasks.items() if task.flow and task.is_dead]
    details = await engine.store.details(owned)
    inputs = await engine.store.inputs(owned)
    commands = [
        Replay(
            key=key,
            tenant=tenant,
            by=by,
            anew=_anew(tasks[key], details[key], inputs.get(key, b"{}"), by) if key in details else None,
        )
        for key in keys
    ]
    sizes = [len(inputs.get(key, b"")) for key in keys]
    return await engine.submit_many(commands, sizes=sizes)


def _anew(task: Task, details: Details, body: bytes, by: str) -> Create:
    """The task again, without its flow and its deadlines."""
    return Create(
        tenant=task.tenant,
        queue=task.queue,
        dialect=task.dialect,
        level=task.level,
        lane=task.lane,
        priority=task.priority,
        input=body,
        attributes=overlay(details.attributes, json.encode({REPLAYS: str(task.key)})),
        callback=details.callback,
        losses_max=task.losses_max,
        loss_backoff_ms=task.loss_backoff_ms,
        run_ms=task.run_ms,
        retry=task.retry,
        by=by,
    )
