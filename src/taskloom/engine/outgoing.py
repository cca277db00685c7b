"""What commands do to the outbox, and to the view of deliveries that tells of it, in one transaction."""

from typing import Final

import msgspec
from msgspec import structs

from taskloom.core.limits import DELIVERY_ATTEMPTS_SHOWN
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.engine.batch import FlowState
from taskloom.engine.change import Change
from taskloom.engine.outcome import (
    Accepted,
    Attempt,
    FanOut,
    ForgetDeliveries,
    OutboxResult,
    Outcome,
    SendAgain,
)
from taskloom.flows.flow import Announce
from taskloom.ports.store import OutboxRow
from taskloom.views.deliveries import DELIVERED, DELIVERIES, FAILED, PENDING
from taskloom.views.view import RowChange, Value

_log: Final = msgspec.json.Decoder(list[Attempt])


def tell_own_address(change: Change, task: Task) -> None:
    """A task has ended: its own address is called."""
    change.write("outbox", _row(change, change.new_key(), task.tenant, task.key))


def announce(change: Change, flow: FlowState, effect: Announce) -> None:
    """Something is told to the webhooks that want it."""
    row = _row(change, change.new_key(), flow.tenant, flow.key)
    change.write("outbox", structs.replace(row, name=effect.name, body=effect.body))


def announce_end(change: Change, task: Task, name: str) -> None:
    """A task has ended, and somebody in its tenant wants to hear of every one.

    Whether somebody does is no part of the history, so the key is not remembered for the journal.
    """
    key = change.batch.environment.keys.make(change.now)
    change.write("outbox", structs.replace(_row(change, key, task.tenant, task.key), name=name))


def _row(change: Change, key: int, tenant: str, subject: int) -> OutboxRow:
    return OutboxRow(key, tenant, subject, 0, change.now, tenant, since=change.now)


def result(change: Change, command: OutboxResult) -> Outcome:
    """A call was taken or put off, made, or given up."""
    row = change.batch.outbox.get(command.key)
    if row is None or command.taken_from not in (0, row.next_at):
        return Rejection(Kind.NOT_FOUND, command.key)
    line = command.line or row.line
    if command.taken_from:
        after = structs.replace(row, next_at=command.next_at, line=line)
        change.write("outbox", after)
        if command.url:
            _show(change, after, PENDING, command.url)
        return Accepted(None)
    made = row.attempt + (command.attempt is not None or command.next_at > 0)
    after = structs.replace(
        row,
        attempt=made,
        next_at=max(command.next_at, 0),
        line=line,
        log=_with(row.log, command.attempt),
    )
    if command.next_at > 0:
        change.write("outbox", after)
        _show(change, after, PENDING, command.url, command.reason)
    else:
        change.write("outbox_done", row.key)
        _show(change, after, FAILED if command.next_at else DELIVERED, command.url, command.reason)
    return Accepted(None)


def fan_out(change: Change, command: FanOut) -> Outcome:
    """An announcement becomes a call for each webhook that wants it."""
    row = change.batch.outbox.get(command.key)
    if row is None:
        return Rejection(Kind.NOT_FOUND, command.key)
    change.write("outbox_done", row.key)
    for recipient in command.to:
        call = structs.replace(
            row,
            key=change.new_key(),
            webhook=recipient.webhook,
            body=command.body,
            next_at=change.now,
            line=row.tenant,
        )
        change.write("outbox", call)
        _show(change, call, PENDING, recipient.url)
    return Accepted(None)


def send_again(change: Change, command: SendAgain) -> Outcome:
    """A call leaves now and its schedule begins anew; answered with its key, which a new one gets here."""
    key = command.call.key or change.new_key()
    known = change.batch.outbox.get(key) or command.call
    call = structs.replace(known, key=key, attempt=0, next_at=change.now, since=change.now, line=known.tenant)
    change.write("outbox", call)
    _show(change, call, PENDING, command.url)
    return Accepted(key)


def forget(change: Change, command: ForgetDeliveries) -> Outcome:
    """Deliveries are shown no more."""
    for key, tenant in command.deliveries:
        change.write("rows", RowChange(DELIVERIES.name, key, tenant, None))
    return Accepted(None)


def _with(log: bytes, attempt: Attempt | None) -> bytes:
    if attempt is None:
        return log
    attempts = _log.decode(log) if log else []
    return msgspec.json.encode([*attempts, attempt][-DELIVERY_ATTEMPTS_SHOWN:])


def _show(change: Change, row: OutboxRow, state: str, url: str, reason: str = "") -> None:
    values: dict[str, Value] = {
        "state": state,
        "subject": row.subject,
        "webhook": row.webhook,
        "event": row.name,
        "attempts": row.attempt,
        "next_at": row.next_at if state == PENDING else 0,
        "ended_at": 0 if state == PENDING else change.now,
        "reason": reason,
        "log": row.log or b"[]",
        "body": row.body,
    }
    if url:
        values["url"] = url
    change.write("rows", RowChange(DELIVERIES.name, row.key, row.tenant, values))
