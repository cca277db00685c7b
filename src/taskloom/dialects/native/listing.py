"""Tasks of every protocol as a list, by what the caller asks for; and the end of one nobody wants."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from taskloom.core.access import EVERY_TENANT
from taskloom.core.commands import Cancel
from taskloom.core.limits import LEVELS, NAME_LENGTH, TASKS_LISTED, TENANT_NAME_LENGTH
from taskloom.core.rejections import Rejection
from taskloom.core.task import TaskState
from taskloom.dialects.native import outcomes
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.outcomes import key_of
from taskloom.dialects.native.wire import milliseconds
from taskloom.dialects.native.wire_tasks import (
    CancelTask,
    Instant,
    ItemOutcome,
    Number,
    QueueName,
    TaskPage,
    TaskStateName,
)
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.views.tasks import task_of
from taskloom.views.view import And, Compare, Filter, In, Query, Sort

PAGE: Final = 100

_NO_TENANT: Final = Refusal(404, "not_found", "there is no such tenant")
_STATES: Final = {state.name.lower(): state for state in TaskState}


class Asked(Struct, forbid_unknown_fields=True):
    """The query string of a list, as it is understood; what is absent does not matter."""

    queue: QueueName | None = None
    level: Annotated[int, Meta(ge=0, lt=LEVELS)] | None = None
    state: list[TaskStateName] = []
    tenant: Annotated[str, Meta(max_length=TENANT_NAME_LENGTH)] = ""
    dialect: Annotated[str, Meta(max_length=NAME_LENGTH)] = ""
    worker: Annotated[str, Meta(max_length=NAME_LENGTH)] = ""
    created_after: Instant | None = None
    created_before: Instant | None = None
    order: Literal["newest", "oldest"] = "newest"
    after: Number = ""
    limit: Annotated[int, Meta(ge=1, le=TASKS_LISTED)] = PAGE


async def listing(request: Request) -> Reply:
    """A page of tasks, without what they hold; `next` is what `after` must be to see more."""
    try:
        asked = _asked(request.query)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    tenants = whose(request, asked.tenant)
    if isinstance(tenants, Refusal):
        return tenants
    page = await request.engine.store.search(
        Query(
            view="tasks",
            tenants=tenants,
            filter=And(tuple(_parts(asked))),
            sort=(Sort("key", descending=asked.order == "newest"),),
            limit=asked.limit + 1,
            after=(key_of(asked.after),) if asked.after else None,
            total=False,
        )
    )
    items = [outcomes.summary(task_of(row)) for row in page.rows[: asked.limit]]
    found = TaskPage(items, items[-1].key if len(page.rows) > asked.limit else None)
    return Response(body=msgspec.json.encode(found))


async def cancel(request: Request) -> Reply:
    """End a task; one that has ended stays as it is."""
    reason = _reason(request)
    if isinstance(reason, Refusal):
        return reason
    text = request.parameters["key"]
    command = Cancel(key=key_of(text), tenant=request.wall, reason=reason, by=request.principal.name)
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection):
        return outcomes.refused_task(outcome)
    return Response(body=msgspec.json.encode(ItemOutcome(text, outcomes.state_name(outcome.reply.state))))


def _reason(request: Request) -> str | Refusal:
    """What the body says about why; there need not be any."""
    if not request.body:
        return "cancelled"
    asked = body_as(CancelTask, request.body)
    return asked if isinstance(asked, Refusal) else asked.reason


def _asked(query: Mapping[str, Sequence[str]]) -> Asked:
    """The last value of each parameter; the states of all of them, by comma too."""
    given: dict[str, object] = {name: values[-1] for name, values in query.items() if values[-1]}
    if "state" in given:
        given["state"] = [state for value in query["state"] for state in value.split(",")]
    return msgspec.convert(given, Asked, strict=False)


def whose(request: Request, asked: str) -> tuple[str, ...] | Refusal | None:
    """Whose tasks: those of the caller's tenant; the administrator sees all, or the tenant that is named."""
    if request.wall is not None:
        return (request.wall,) if asked in {"", request.wall} else _NO_TENANT
    return None if asked in {"", EVERY_TENANT} else (asked,)


def _parts(asked: Asked) -> list[Filter]:
    parts: list[Filter] = [
        Compare(column, "eq", value)
        for column, value in (
            ("queue", asked.queue),
            ("level", asked.level),
            ("dialect", asked.dialect or None),
            ("worker", asked.worker or None),
        )
        if value is not None
    ]
    if asked.state:
        parts.append(In("state", tuple(int(_STATES[name]) for name in asked.state)))
    parts += [
        Compare("created_at", op, milliseconds(at))
        for op, at in (("gt", asked.created_after), ("lt", asked.created_before))
        if at is not None
    ]
    return parts
