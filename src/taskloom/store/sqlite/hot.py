"""Tasks that workers are about to claim or to finish, kept in memory as the database has them.

One thread of one process writes a database of ours, so what it wrote last is what a read would give. A claim
then reads only keys, and a completion reads nothing. The database stays the record: this
begins empty, is emptied when it is full, and forgets everything when a transaction is undone.
What is written once with a task (its input, say) is kept, if it is small, until it is handed out.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from taskloom.core.limits import TASK_CACHED_BYTES, TASKS_CACHED
from taskloom.core.task import LEASED, READY, Task
from taskloom.ports.store import NewTask, Save

_KEPT: Final = frozenset({READY, LEASED})


class HotTasks:
    """Ready and leased tasks by key. What a running transaction saves counts at once."""

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._new: dict[int, NewTask] = {}
        self.reserved: bool | None = None
        """Whether a ready task may be reserved for a worker; None before anybody looked."""

    def found(self, keys: Iterable[int]) -> dict[int, Task]:
        """Those of the keys that are here."""
        tasks = self._tasks
        return {key: tasks[key] for key in keys if key in tasks}

    def handed_out(self, keys: Iterable[int]) -> list[NewTask]:
        """What was written once with those of the keys that nobody was handed yet, as far as it is here."""
        new = self._new
        return [new.pop(key) for key in keys if key in new]

    def learn(self, tasks: Iterable[Task]) -> None:
        """What was read is known from now on."""
        for task in tasks:
            if task.state in _KEPT:
                self._put(task)

    def saved(self, save: Save) -> None:
        """What a transaction wrote."""
        for new in save.created:
            self._changed(new.task)
            is_small = len(new.input) + len(new.attributes) <= TASK_CACHED_BYTES
            if is_small and new.task.key in self._tasks:
                self._new[new.task.key] = new
        for key, _ in save.attributes:
            self._new.pop(key, None)
        for task in save.changed:
            self._changed(task)
        for task in save.reopened:
            self._changed(task)
        for task in save.finished:
            self._drop(task.key)

    def forget(self) -> None:
        """A transaction was undone: nothing here can be trusted."""
        self._tasks.clear()
        self._new.clear()
        self.reserved = None

    def _changed(self, task: Task) -> None:
        if task.state in _KEPT:
            self._put(task)
            if task.assignee:
                self.reserved = True
        else:
            self._drop(task.key)

    def _drop(self, key: int) -> None:
        self._tasks.pop(key, None)
        self._new.pop(key, None)

    def _put(self, task: Task) -> None:
        if len(self._tasks) >= TASKS_CACHED:
            self.forget()
        self._tasks[task.key] = task


def missing(keys: Sequence[int], found: dict[int, Any]) -> list[int]:
    """The keys that were not found."""
    return [key for key in keys if key not in found] if len(found) < len(keys) else []
