"""Reads the journal after the play: how often each task ended, and whether what was acknowledged is there."""

from collections import Counter
from pathlib import Path

import msgspec
from scene import Verdict

from taskloom.core.events import Entry, TaskCancelled, TaskCompleted, TaskCreated, TaskFailed
from taskloom.core.task import COMPLETED, Task
from taskloom.store.sqlite.store import SqliteStore

_ENDS = (TaskCompleted, TaskFailed, TaskCancelled)


class Proof:
    """What the store says about the tasks of one dialect."""

    def __init__(self, tasks: list[Task], ends: Counter[int]) -> None:
        self.tasks = len(tasks)
        self.completed = sum(task.state == COMPLETED for task in tasks)
        self.twice = sum(ends[task.key] > 1 for task in tasks)
        self.open = sum(not task.is_final for task in tasks)


async def read(data: Path, verdicts: list[Verdict]) -> tuple[dict[str, Proof], dict[str, int]]:
    """The proof for each dialect, and how many acknowledged completions are lost."""
    store = SqliteStore(data)
    await store.open(())
    ends: Counter[int] = Counter()
    keys: list[int] = []
    after = 0
    while chunks := await store.journal(after, 500):
        for chunk in chunks:
            for entry in msgspec.msgpack.decode(chunk.body, type=list[Entry]):
                keys += [event.key for event in entry.events if isinstance(event, TaskCreated)]
                ends.update(event.key for event in entry.events if isinstance(event, _ENDS))
            after = chunk.last
    tasks: dict[int, Task] = {}
    for start in range(0, len(keys), 500):
        tasks.update(await store.tasks(keys[start : start + 500]))
    lost = {verdict.act: await _lost(store, verdict, tasks) for verdict in verdicts}
    await store.close()
    acts = {task.dialect for task in tasks.values()}
    return {act: Proof([t for t in tasks.values() if t.dialect == act], ends) for act in acts}, lost


async def _lost(store: SqliteStore, verdict: Verdict, tasks: dict[int, Task]) -> int:
    known = {key: tasks[key] for key in verdict.acknowledged if key in tasks}
    results = await store.payloads([task.result_key for task in known.values() if task.result_key])
    kept = sum(
        verdict.acknowledged[key].encode() in results.get(task.result_key, b"") for key, task in known.items()
    )
    return len(verdict.acknowledged) - kept
