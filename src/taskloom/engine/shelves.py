"""What lies on a shelf: tasks by their lanes, in the order in which they are handed out."""

from taskloom.core.lanes import LaneId
from taskloom.core.task import READY, Task
from taskloom.engine.batch import Batch


def lane_of(task: Task) -> LaneId:
    """The lane a task stands in."""
    return (task.queue, task.level, task.tenant, task.lane)


def turn(task: Task) -> tuple[int, int]:
    """What tasks of one lane are ordered by: the most urgent first, of these the oldest."""
    return (-task.priority, task.key)


def fresh_tasks(batch: Batch) -> dict[LaneId, list[Task]]:
    """The tasks this batch itself has touched and that are ready now, by lane; reserved or not."""
    fresh: dict[LaneId, list[Task]] = {}
    for task in batch.dirty.values():
        if task.state == READY:
            fresh.setdefault(lane_of(task), []).append(task)
    return fresh


def learn(batch: Batch, task: Task) -> Task:
    """A row read by a claim is known to the batch from now on."""
    if task.key not in batch.tasks:
        batch.tasks[task.key] = task
        batch.before[task.key] = task
    return task
