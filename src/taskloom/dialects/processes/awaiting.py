"""Waiting for the end of a process instance, whichever server it ends on."""

from typing import Any

from taskloom.dialects.operation import Refusal, Request
from taskloom.dialects.processes.problem import DEADLINE_EXCEEDED, INVALID_STATE, rejected
from taskloom.views.processes import COMPLETED, INSTANCES, TERMINATED
from taskloom.views.view import Compare, Query

INTENT = "CREATE_WITH_AWAITING_RESULT"


async def wait_for_end(request: Request, instance: int, wait_ms: int) -> bytes | Refusal:
    """The variables of the completed instance; when the time is over it goes on without the caller."""
    engine = request.engine
    deadline = engine.clock.monotonic_ms() + wait_ms
    is_over = False
    while True:
        with engine.waiting.ticket(("flow", instance)) as ticket:
            row = await _row(request, instance)
            if row["state"] == COMPLETED:
                return row["result"] or b"{}"
            if row["state"] == TERMINATED:
                reason = (
                    f"Expected the process instance with key '{instance}' to complete, but it was cancelled"
                )
                return rejected(INTENT, INVALID_STATE, reason)
            rest_ms = deadline - engine.clock.monotonic_ms()
            if is_over or rest_ms <= 0 or engine.waiting.closed:
                return too_long(instance, wait_ms)
            is_over = not await ticket.wait(rest_ms)


def too_long(instance: int, wait_ms: int) -> Refusal:
    """The refusal of a caller whose time is over, or who went away and will not read it."""
    text = f"The process instance with key '{instance}' did not complete within {wait_ms} ms; it goes on"
    return Refusal(504, DEADLINE_EXCEEDED, text)


async def _row(request: Request, instance: int) -> dict[str, Any]:
    query = Query(
        view=INSTANCES.name, tenants=None, filter=Compare("key", "eq", instance), limit=1, total=False
    )
    rows = (await request.engine.store.search(query)).rows
    return rows[0]
