"""One transaction for many commands: load, decide, apply, let flows react, save.

`run` is a generator free of I/O: the store drives it. Commands are handled strictly one after another, each
to its end; claims come last, so that a task created in the same batch can be handed out at once. A command
that finds something unread is dropped, the missing thing is read, and the command is handled again: handling
is pure, so nothing of the first try is left.
"""

import logging
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from taskloom.core.commands import Claim, Create, Strategy, TaskCommand, Update
from taskloom.core.records import PutRecords
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import COMPLETED, LEASED, READY, Task
from taskloom.engine.batch import Batch, Environment, NeedsLoad, SlotBusy, together
from taskloom.engine.change import Change
from taskloom.engine.claims import hand_out, made_ready
from taskloom.engine.handlers import handle
from taskloom.engine.outcome import (
    Accepted,
    FanOut,
    FireTimer,
    OutboxResult,
    Outcome,
    Replay,
    SendAgain,
)
from taskloom.engine.submission import Submission
from taskloom.flows.flow import FlowCommand, Say
from taskloom.ports.faults import fault_point
from taskloom.ports.store import FollowUpRow, IdempotencyRow, Load, Request, Save, TurnId, Work

log = logging.getLogger(__name__)

_RELOADS_MAX: Final = 200
"""How often one command may ask for something unread: more than any flow's parts, less than forever."""


class BatchResult(Struct, gc=False):
    """What a committed batch did, for whoever must be woken."""

    outcomes: list[Outcome]
    sequence: int = 0
    ready: Mapping[tuple[str, str], int] = {}
    """(queue, tenant) -> tasks that became ready."""
    finished: Sequence[Task] = ()
    flows: Sequence[int] = ()
    """Flows that changed or ended."""
    contended: Collection[tuple[str, str]] = ()
    """(queue, tenant) where a claim got less than is ready, because other servers held it at that moment."""
    held_back: Mapping[tuple[str, str], int] = {}
    """(queue, tenant) where a limit, a rate or a pause kept tasks back -> when it lets go, 0 unknown."""
    freed: Collection[tuple[str, str]] = ()
    """(queue, tenant) where less is under way than before."""
    next_due: int = 0
    """The earliest instant the batch asked to be woken at, 0 for none."""
    outbox: bool = False
    follow_ups: Sequence[FollowUpRow] = ()
    said: Sequence[Say] = ()


def run(
    environment: Environment, submissions: list[Submission], now: int, known: list[Load] | None = None
) -> Work:
    """Handle the submissions in one transaction; returns a `BatchResult`.

    Standing claims that the batch can serve are added to the submissions. `known` gathers what the commands
    turned out to need; a batch that starts again loads it all at once.
    """
    batch = Batch(environment, now)
    learnt = [] if known is None else known
    load = _needs(submissions)
    if learnt:
        load = together([*([] if load is None else [load]), *learnt])
    if load is not None:
        batch.add(load, (yield load))
    fault_point("batch_loaded")
    outcomes: list[Outcome] = [_PENDING] * len(submissions)
    claims: list[tuple[int, Claim]] = []
    for index, submission in enumerate(submissions):
        command = submission.command
        if type(command) is Claim:
            _line_up(batch, index, command, claims, outcomes)
            continue
        for _ in range(_RELOADS_MAX):
            try:
                outcomes[index] = _one(batch, submission)
                break
            except NeedsLoad as missing:
                learnt.append(missing.load)
                batch.add(missing.load, (yield missing.load))
            except SlotBusy:
                outcomes[index] = PUT_BACK
                break
        else:
            outcomes[index] = Rejection(Kind.FAULT, detail="too many reads in one command")
    if environment.standing:
        yield from _join(batch, submissions, claims, outcomes)
    if claims:
        yield from hand_out(batch, claims, outcomes)
    save = batch.save()
    if save is None:
        return BatchResult(outcomes, contended=batch.contended, held_back=batch.held_back)
    fault_point("batch_decided")
    saved = yield save
    return _result(batch, save, outcomes, saved.sequence, saved.released)


def _join(
    batch: Batch, submissions: list[Submission], claims: list[tuple[int, Claim]], outcomes: list[Outcome]
) -> Generator[Request, Any, None]:
    """Take the standing claims along for which the batch made something ready."""
    joining = batch.environment.standing.take(made_ready(batch, claims))
    turns = [turn for one in joining for turn in _turns(one.claim)]
    if turns:
        load = Load(turns=turns)
        batch.add(load, (yield load))
    for index, submission in enumerate(joining, len(outcomes)):
        submissions.append(submission)
        outcomes.append(_PENDING)
        _line_up(batch, index, submission.claim, claims, outcomes)


def _line_up(
    batch: Batch, index: int, claim: Claim, claims: list[tuple[int, Claim]], outcomes: list[Outcome]
) -> None:
    """A claim whose turn another server has goes to a later batch."""
    if batch.busy.isdisjoint(_turns(claim)):
        claims.append((index, claim))
    else:
        outcomes[index] = PUT_BACK


_PENDING: Final = Rejection(Kind.FAULT, detail="not handled")
PUT_BACK: Final = Rejection(Kind.OVERLOADED, detail="another transaction is at work on the same key")
"""Not an answer: the writer takes the command into a later batch."""


def _one(batch: Batch, submission: Submission) -> Outcome:
    """Handle one submission; a fault in it is its own and leaves nothing behind."""
    change = Change(batch)
    try:
        done_before = _before(change, submission)
        if done_before is not None:
            return done_before
        outcome = handle(change, submission.command)
        if isinstance(outcome, Rejection):
            return _refused(batch, submission, outcome)
        _after(change, submission, outcome)
    except (NeedsLoad, SlotBusy):
        raise
    except Exception:
        log.exception("a command failed", extra={"command": type(submission.command).__name__})
        return Rejection(Kind.FAULT, detail="the command could not be handled")
    change.merge()
    return outcome


def _before(change: Change, submission: Submission) -> Outcome | None:
    """The outcome when the work was done before: an idempotent repeat, or a follow-up already carried out."""
    if submission.follow_up and submission.follow_up not in change.batch.follow_ups_open:
        return Accepted(None, repeated=True)
    wanted = submission.idempotency
    if wanted is None:
        return None
    slot = (wanted.tenant, wanted.scope, wanted.key)
    if slot in change.batch.busy:
        raise SlotBusy
    row = change.batch.idempotency.get(slot)
    if row is None:
        return None
    if row.digest != wanted.digest:
        return Rejection(Kind.KEY_REUSED, detail="the idempotency key was used with other parameters")
    return Accepted(Replay(row.answer), repeated=True)


def _after(change: Change, submission: Submission, outcome: Accepted) -> None:
    """Write down that it was done, in the same transaction."""
    if submission.follow_up:
        change.batch.follow_ups_open.discard(submission.follow_up)
        change.write("follow_ups_done", submission.follow_up)
    wanted = submission.idempotency
    if wanted is None:
        return
    answer = wanted.answer(outcome.reply)
    row = IdempotencyRow(wanted.tenant, wanted.scope, wanted.key, wanted.digest, answer, change.now)
    change.write("idempotency", row)
    change.batch.idempotency[(wanted.tenant, wanted.scope, wanted.key)] = row


def _refused(batch: Batch, submission: Submission, refusal: Rejection) -> Rejection:
    """A refused command leaves no trace; only a follow-up is struck off, for it would be refused again."""
    if submission.follow_up:
        batch.follow_ups_open.discard(submission.follow_up)
        batch.saving.follow_ups_done.append(submission.follow_up)
        batch.has_rows = True
    return refusal


def _needs(submissions: Sequence[Submission]) -> Load | None:
    """Everything the commands name, in one load."""
    tasks: dict[int, None] = {}
    attributes: list[int] = []
    flows: dict[int, None] = {}
    records: dict[tuple[str, str, str], None] = {}
    idempotency: list[tuple[str, str, str]] = []
    lanes: dict[tuple[str, int, str, str], None] = {}
    follow_ups: list[int] = []
    outbox: list[int] = []
    timers: list[tuple[int, str]] = []
    turns: dict[TurnId, None] = {}
    for submission in submissions:
        command = submission.command
        if type(command) is Claim:
            turns.update(dict.fromkeys(_turns(command)))
            continue
        if isinstance(command, TaskCommand):
            tasks[command.key] = None
            if isinstance(command, Update) and command.attributes is not None:
                attributes.append(command.key)
        elif isinstance(command, FlowCommand):
            if command.flow:
                flows[command.flow] = None
            if command.root:
                flows[command.root] = None
        elif isinstance(command, Create):
            if command.queue_limit:
                lanes[(command.queue, command.level, command.tenant, command.lane)] = None
        elif isinstance(command, PutRecords):
            records.update({(c.kind, c.tenant, c.name): None for c in command.changes})
        elif isinstance(command, OutboxResult | FanOut):
            outbox.append(command.key)
        elif isinstance(command, SendAgain):
            outbox.append(command.call.key)
        elif isinstance(command, FireTimer):
            timers.append((command.flow, command.name))
            flows[command.flow] = None
        if submission.idempotency is not None:
            wanted = submission.idempotency
            idempotency.append((wanted.tenant, wanted.scope, wanted.key))
        if submission.follow_up:
            follow_ups.append(submission.follow_up)
    if not (tasks or flows or records or idempotency or lanes or follow_ups or outbox or timers or turns):
        return None
    return Load(
        tasks=list(tasks),
        attributes=attributes,
        flows=list(flows),
        records=list(records),
        idempotency=idempotency,
        lanes=list(lanes),
        follow_ups=follow_ups,
        outbox=outbox,
        timers=timers,
        turns=list(turns),
    )


def _turns(claim: Claim) -> list[TurnId]:
    """The queues a claim looks at in sequence: whether one is busy must not change until it is served."""
    if claim.strategy is not Strategy.SEQUENTIAL:
        return []
    return [("turn", queue) for queue, _ in claim.queues]


def _result(
    batch: Batch, save: Save, outcomes: list[Outcome], sequence: int, released: list[FollowUpRow]
) -> BatchResult:
    ready: dict[tuple[str, str], int] = {}
    finished: list[Task] = []
    freed: set[tuple[str, str]] = set()
    next_due = 0
    for key, task in batch.dirty.items():
        was = batch.before.get(key)
        if was is not None and was.state == LEASED and task.state != LEASED:
            freed.add((task.queue, task.tenant))
        if task.state == READY:
            if was is None or was.state != READY or was.assignee != task.assignee:
                place = (task.queue, task.tenant)
                ready[place] = ready.get(place, 0) + 1
        elif task.state >= COMPLETED and (was is None or was.state < COMPLETED):
            finished.append(task)
        if task.state < COMPLETED:
            due = task.due_at
            next_due = due if not next_due or due < next_due else next_due
    for timer in save.timers:
        next_due = timer.at if not next_due or timer.at < next_due else next_due
    return BatchResult(
        outcomes,
        sequence,
        ready,
        finished,
        list(batch.flows_dirty),
        batch.contended,
        batch.held_back,
        freed,
        next_due,
        bool(save.outbox),
        [*save.follow_ups, *released],
        batch.said,
    )
