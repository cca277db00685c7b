"""Reads the store and the receivers' logs after a run and says which of C1-C8 were broken.

C1 each ok completion is there with that result; C2 at most one winner per task; C3 a refused command left
no trace; C4 an unknown one happened whole or not at all; C5 leases of one task never overlap and attempts
rise by one; C6 each call is in the outbox once, and every receiver got it at least once; C7 no id crossed
tenants; C8 at rest nothing is stuck.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from taskloom.core.access import EVERY_TENANT
from taskloom.core.events import (
    AnyEvent,
    Entry,
    LeaseLost,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskReleased,
    TaskReopened,
    TaskRetried,
    TaskSuspended,
)
from taskloom.core.task import COMPLETED, Task
from taskloom.core.webhooks import LISTENER, hears_of_tasks
from taskloom.ports.store import Store
from tests.faults.history import OK, REFUSED, UNKNOWN, Operation

STEPS_OF_PROCESS = 3
_MARK = re.compile(rb'"(c\d+-\d+)(?:\.pdf)?"')
_ENDS = (TaskCompleted, TaskFailed, TaskCancelled)
_GIVES_UP = (LeaseLost, TaskReleased, TaskRetried, TaskSuspended, TaskReopened, *_ENDS)


class Evidence(msgspec.Struct):
    """All that the store holds at the end of a run."""

    tasks: dict[int, Task]
    events: list[tuple[int, AnyEvent]]
    """(number, event), in order."""
    results: dict[int, bytes]
    marks: dict[int, str]
    """Task -> mark of its input."""
    hearing: set[str] = set()
    """Tenants with a webhook that wants to hear of every end of a task."""


async def gather(store: Store) -> Evidence:
    """Read everything."""
    events: list[tuple[int, AnyEvent]] = []
    after = 0
    while chunks := await store.journal(after, 500):
        for chunk in chunks:
            number = chunk.first
            for entry in msgspec.msgpack.decode(chunk.body, type=list[Entry]):
                for event in entry.events:
                    events.append((number, event))
                    number += 1
            assert number - 1 == chunk.last, "a chunk holds another number of events than it says"
            after = chunk.last
    keys = [event.key for _, event in events if isinstance(event, TaskCreated)]
    tasks: dict[int, Task] = {}
    marks: dict[int, str] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        tasks.update(await store.tasks(part))
        for key, body in (await store.inputs(part)).items():
            found = _MARK.search(body)
            marks[key] = found[1].decode() if found else ""
    result_keys = [task.result_key for task in tasks.values() if task.result_key]
    results: dict[int, bytes] = {}
    for start in range(0, len(result_keys), 500):
        results.update(await store.payloads(result_keys[start : start + 500]))
    listeners = await store.records(LISTENER, EVERY_TENANT, "", 500)
    hearing = {record.name for record in listeners if hears_of_tasks(record)}
    return Evidence(tasks, events, results, marks, hearing)


def check(
    evidence: Evidence,
    history: Iterable[Operation],
    received: Path,
    key_of: Callable[[str, str], int],
    *,
    is_at_rest: bool = True,
) -> list[str]:
    """Every promise that was broken, as sentences; none when all held.

    `is_at_rest`: whether nothing was open any more before the guard's time was over.
    """
    operations = list(history)
    by_key = {
        (operation.dialect, operation.task): key_of(operation.dialect, operation.task)
        for operation in operations
        if operation.verb == "complete" and operation.task
    }
    faults = list(_completions(evidence, operations, by_key))
    faults += _creations(evidence, operations)
    faults += _flows(evidence, operations, STEPS_OF_PROCESS)
    faults += _journal(evidence)
    faults += _leases(evidence)
    faults += _callbacks(evidence, operations, received)
    faults += _announcements(evidence, received)
    faults += _at_rest(evidence, is_at_rest=is_at_rest)
    return faults


def check_copy(
    evidence: Evidence, acknowledged: Iterable[Operation], key_of: Callable[[str, str], int]
) -> list[str]:
    """What a copy of the data, made in the midst of work, lacks of what was acknowledged before."""
    operations = list(acknowledged)
    by_key = {
        (one.dialect, one.task): key_of(one.dialect, one.task) for one in operations if one.verb == "complete"
    }
    faults = list(_completions(evidence, operations, by_key))
    faults += _creations(evidence, operations)
    faults += _uploads(evidence, operations)
    faults += _journal(evidence)
    faults += _leases(evidence)
    return faults


def _completions(
    evidence: Evidence, operations: list[Operation], by_key: dict[tuple[str, str], int]
) -> Iterable[str]:
    ends: dict[int, list[AnyEvent]] = defaultdict(list)
    for _, event in evidence.events:
        if isinstance(event, _ENDS):
            ends[event.key].append(event)
    for key, found in ends.items():
        if len(found) > 1:
            yield f"C2: task {key} ended {len(found)} times"
    for operation in operations:
        if operation.verb != "complete":
            continue
        if operation.dialect == "documents":
            yield from _document(evidence, operation, by_key[(operation.dialect, operation.task)])
            continue
        task = evidence.tasks.get(by_key[(operation.dialect, operation.task)])
        if task is None:
            yield f"C1: {operation.dialect} {operation.task} is not in the store at all"
            continue
        if not operation.mark:
            continue
        stored = evidence.results.get(task.result_key, b"")
        there = re.search(re.escape(operation.mark).encode() + rb"(?!\d)", stored) is not None
        if operation.result == OK and operation.attempt not in (0, task.attempt):
            yield f"C5: {operation.mark} wrote with the token of attempt {operation.attempt}, not the last"
        if operation.result == OK and not there:
            yield f"C1: ok completion {operation.mark} of {operation.task} is lost; stored {stored[:120]!r}"
        if operation.result == REFUSED and there:
            yield f"C3: refused completion {operation.mark} of {operation.task} is stored"
        if operation.result == UNKNOWN and there and not ends.get(task.key):
            yield f"C4: unknown completion {operation.mark} left a result without its event"


def _document(evidence: Evidence, operation: Operation, flow: int) -> Iterable[str]:
    """A completed document has a review task of its own that ended completed."""
    ended = [task for task in evidence.tasks.values() if task.flow == flow and task.state == COMPLETED]
    if operation.result == OK and not any(task.finished_by for task in ended):
        yield f"C1: the review of document {operation.task} was acknowledged and is lost"


def _creations(evidence: Evidence, operations: list[Operation]) -> Iterable[str]:
    tenants: dict[str, set[str]] = defaultdict(set)
    counts: dict[str, int] = defaultdict(int)
    for key, mark in evidence.marks.items():
        if mark:
            tenants[mark].add(evidence.tasks[key].tenant)
            counts[mark] += 1
    for operation in operations:
        if operation.verb not in ("put", "create") or operation.dialect == "processes":
            continue
        if operation.result == OK and not counts[operation.mark]:
            yield f"C1: acknowledged {operation.dialect} {operation.verb} {operation.mark} is lost"
        if operation.result == REFUSED and counts[operation.mark]:
            yield f"C3: refused {operation.verb} {operation.mark} made a task"
        if counts[operation.mark] > 1:
            yield f"C2: {operation.verb} {operation.mark} made {counts[operation.mark]} tasks"
        if tenants[operation.mark] - {operation.tenant}:
            yield f"C7: {operation.mark} of {operation.tenant} is found in {tenants[operation.mark]}"


def _flows(evidence: Evidence, operations: list[Operation], steps: int) -> Iterable[str]:
    """Every acknowledged process instance and upload went its way to the end, once."""
    yield from _uploads(evidence, operations)
    done: dict[int, int] = defaultdict(int)
    for task in evidence.tasks.values():
        done[task.flow] += task.state == COMPLETED
    for operation in operations:
        if (operation.dialect, operation.verb, operation.result) == ("processes", "create", OK):
            jobs = done[int(operation.task)]
            if jobs != steps:
                yield f"C1: instance {operation.task} did {jobs} of {steps} jobs"


def _uploads(evidence: Evidence, operations: list[Operation]) -> Iterable[str]:
    """Every acknowledged upload made its document, once."""
    documents: dict[str, set[int]] = defaultdict(set)
    for key, task in evidence.tasks.items():
        if task.dialect == "documents" and evidence.marks[key]:
            documents[evidence.marks[key]].add(task.flow)
    for operation in operations:
        if operation.verb == "upload":
            made = len(documents[operation.mark])
            if made > 1 or (made != 1 and operation.result == OK):
                yield f"C1: the upload {operation.mark} ({operation.result}) made {made} documents"


def _journal(evidence: Evidence) -> Iterable[str]:
    numbers = [number for number, _ in evidence.events]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "C6: the event sequence has a gap"
    results = {event.result_key for _, event in evidence.events if isinstance(event, TaskCompleted)}
    for task in evidence.tasks.values():
        if task.result_key and task.result_key not in results and task.error_code == "":
            yield f"C4: task {task.key} has a result that no event tells of"


def _leases(evidence: Evidence) -> Iterable[str]:
    attempts: dict[int, int] = defaultdict(int)
    held: set[int] = set()
    for _, event in evidence.events:
        if isinstance(event, TaskClaimed):
            if event.key in held:
                yield f"C5: task {event.key} was handed out while it was held"
            if event.attempt != attempts[event.key] + 1:
                yield f"C5: task {event.key} went from attempt {attempts[event.key]} to {event.attempt}"
            attempts[event.key] = event.attempt
            held.add(event.key)
        elif isinstance(event, _GIVES_UP):
            held.discard(event.key)


def _callbacks(evidence: Evidence, operations: list[Operation], received: Path) -> Iterable[str]:
    ids: dict[str, set[str]] = defaultdict(set)
    bodies: dict[str, set[str]] = defaultdict(set)
    if received.exists():
        for line in received.read_text(encoding="utf-8").splitlines():
            call = json.loads(line)
            mark = call["path"].strip("/")
            ids[mark].add(call["id"])
            bodies[mark].add(call["body"])
    for key, task in evidence.tasks.items():
        if not (task.callback and task.is_final):
            continue
        mark = evidence.marks[key]
        if not ids[mark]:
            yield f"C6: the callback of task {key} ({mark}) never arrived"
        if len(ids[mark]) > 1:
            yield f"C6: the callback of task {key} came under {len(ids[mark])} ids"
        if len(bodies[mark]) > 1:
            yield f"C6: the callback of task {key} came with different bodies"


def _announcements(evidence: Evidence, received: Path) -> Iterable[str]:
    """Every end of a task came to the webhook of its tenant, under one id and with one body."""
    bodies: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    if received.exists():
        for line in received.read_text(encoding="utf-8").splitlines():
            call = json.loads(line)
            if call["path"] == "/announced":
                about = int(json.loads(call["body"])["data"]["id"])
                bodies[about][call["id"]].add(call["body"])
    ends: dict[int, int] = defaultdict(int)
    for _, event in evidence.events:
        if isinstance(event, _ENDS) and evidence.tasks[event.key].tenant in evidence.hearing:
            ends[event.key] += 1
    for key, count in ends.items():
        ids = bodies[key]
        if len(ids) != count:
            yield f"C6: task {key} ended {count} times and that was told under {len(ids)} ids"
        if any(len(sent) > 1 for sent in ids.values()):
            yield f"C6: an end of task {key} was told with different bodies under one id"


def _at_rest(evidence: Evidence, *, is_at_rest: bool) -> Iterable[str]:
    """Every client worked until nothing was left, so whatever is open is stuck."""
    if not is_at_rest:
        yield "C8: it never came to rest"
    for task in evidence.tasks.values():
        if not task.is_final:
            yield f"C8: task {task.key} is stuck: {task}"
