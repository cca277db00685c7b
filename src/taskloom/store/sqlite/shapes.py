"""Changes of the two usual shapes, a lease and a completion, told from all others.

Of a row with thirty columns they change a few, and most of those are the same for all tasks of one claim or
of one worker's results. Sorted out here, a statement writes many of them and is handed two or three values
each, which halves what they cost. What the row was before is taken from what the writer knows; a task that
changed in any other way as well goes the ordinary way.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final, NamedTuple, TypeVar

from taskloom.core.task import COMPLETED, LEASED, Task

_MANY: Final = 8
"""Fewer of a kind are not worth a statement of their own."""

Shape = TypeVar("Shape", bound=Hashable)


class Lease(NamedTuple):
    """What the tasks of one claim share."""

    worker: str
    holder: str
    lease_until: int
    losses_max: int
    fenced: bool
    started_at: int


class Ending(NamedTuple):
    """What results of one worker share."""

    finished_at: int
    finished_by: str


def leases(changed: Iterable[Task], before: dict[int, Task]) -> tuple[dict[Lease, list[Task]], list[Task]]:
    """The tasks of which only the lease is new, by what they share; and the others."""
    return _sorted_out(changed, before, _lease)


def endings(ended: Iterable[Task], before: dict[int, Task]) -> tuple[dict[Ending, list[Task]], list[Task]]:
    """The tasks of which only the result is new, by what they share; and the others."""
    return _sorted_out(ended, before, _ending)


def _sorted_out(
    tasks: Iterable[Task], before: dict[int, Task], shape_of: Callable[[Task, Task], Shape | None]
) -> tuple[dict[Shape, list[Task]], list[Task]]:
    shaped: dict[Shape, list[Task]] = {}
    others: list[Task] = []
    for task in tasks:
        was = before.get(task.key)
        shape = shape_of(task, was) if was is not None else None
        if shape is None:
            others.append(task)
        else:
            shaped.setdefault(shape, []).append(task)
    for shape in [shape for shape, group in shaped.items() if len(group) < _MANY]:
        others += shaped.pop(shape)
    return shaped, others


def _lease(task: Task, was: Task) -> Lease | None:
    if task.state != LEASED or task.attempt != was.attempt + 1:
        return None
    probe: Any = task.__copy__()  # type: ignore[attr-defined]  # copy.copy takes twice as long to find it
    probe.state = was.state
    probe.attempt = was.attempt
    probe.token = was.token
    probe.worker = was.worker
    probe.holder = was.holder
    probe.lease_until = was.lease_until
    probe.losses_max = was.losses_max
    probe.fenced = was.fenced
    probe.started_at = was.started_at
    if probe != was:
        return None
    return Lease(task.worker, task.holder, task.lease_until, task.losses_max, task.fenced, task.started_at)


def _ending(task: Task, was: Task) -> Ending | None:
    if task.state != COMPLETED:
        return None
    probe: Any = task.__copy__()  # type: ignore[attr-defined]  # copy.copy takes twice as long to find it
    probe.state = was.state
    probe.finished_at = was.finished_at
    probe.finished_by = was.finished_by
    probe.result_key = was.result_key
    return Ending(task.finished_at, task.finished_by) if probe == was else None
