"""Dead letters: listed, looked at, replayed and discarded, one by one or many by a filter."""

from collections.abc import Sequence
from typing import Final

import msgspec

from taskloom.core import failures
from taskloom.core.commands import Discard
from taskloom.core.rejections import Rejection
from taskloom.core.task import Task
from taskloom.dialects.native import outcomes
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.listing import whose
from taskloom.dialects.native.outcomes import key_of
from taskloom.dialects.native.wire import instant, milliseconds
from taskloom.dialects.native.wire_life import (
    Attempt,
    DeadLetter,
    DeadLetterPage,
    Letters,
    LettersAsked,
    ManyLetters,
)
from taskloom.dialects.native.wire_tasks import ItemError, ItemOutcome
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.engine.outcome import Outcome
from taskloom.engine.replays import replay as replayed
from taskloom.views.dead_letters import DEAD_LETTERS
from taskloom.views.view import And, Compare, Filter, Page, Query, Sort

NO_LETTER: Final = Refusal(404, "not_found", "there is no such dead letter")


async def listing(request: Request) -> Reply:
    """A page of dead letters."""
    given = {name: values[-1] for name, values in request.query.items() if values[-1]}
    try:
        asked = msgspec.convert(given, LettersAsked, strict=False)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    edge = (key_of(asked.after),) if asked.after else None
    page = await _page(request, asked, asked.limit + 1, descending=asked.order == "newest", after=edge)
    if isinstance(page, Refusal):
        return page
    keys = [row["key"] for row in page.rows[: asked.limit]]
    tasks = await request.engine.store.tasks(keys)
    items = [_shown(tasks[key]) for key in keys if tasks[key].is_dead]
    following = str(keys[-1]) if len(page.rows) > asked.limit else None
    return Response(body=msgspec.json.encode(DeadLetterPage(items, following)))


async def read(request: Request) -> Reply:
    """One dead letter."""
    task = await _letter(request)
    return NO_LETTER if task is None else Response(body=msgspec.json.encode(_shown(task)))


async def replay(request: Request) -> Reply:
    """Begin anew with one; the answer names the task that lives now."""
    task = await _letter(request)
    if task is None:
        return NO_LETTER
    (outcome,) = await replayed(request.engine, [task.key], request.wall, request.principal.name)
    return _one(outcome)


async def discard(request: Request) -> Reply:
    """Strike one off; the task stays failed."""
    task = await _letter(request)
    if task is None:
        return NO_LETTER
    command = Discard(key=task.key, tenant=request.wall, by=request.principal.name)
    outcome = await request.engine.submit(command)
    return outcomes.refused_task(outcome) if isinstance(outcome, Rejection) else Response(204)


async def replay_many(request: Request) -> Reply:
    """Begin anew with those that the body describes, the oldest first; the answer tells of each."""
    keys = await _many(request)
    if isinstance(keys, Refusal):
        return keys
    done = await replayed(request.engine, keys, request.wall, request.principal.name)
    return outcomes.told([_told(key, outcome) for key, outcome in zip(keys, done, strict=True)], done)


async def discard_many(request: Request) -> Reply:
    """Strike off those that the body describes, the oldest first; the answer tells of each."""
    keys = await _many(request)
    if isinstance(keys, Refusal):
        return keys
    by = request.principal.name
    commands = [Discard(key=key, tenant=request.wall, by=by) for key in keys]
    done = await request.engine.submit_many(commands)
    return outcomes.told([_told(key, outcome) for key, outcome in zip(keys, done, strict=True)], done)


async def _letter(request: Request) -> Task | None:
    """The letter of the path, None when there is none behind the caller's wall."""
    key = key_of(request.parameters["key"])
    task = await request.engine.store.task(key) if key else None
    is_seen = task is not None and task.is_dead and request.wall in (None, task.tenant)
    return task if is_seen else None


async def _many(request: Request) -> list[int] | Refusal:
    asked = body_as(ManyLetters, request.body or b"{}")
    if isinstance(asked, Refusal):
        return asked
    page = await _page(request, asked, asked.limit, descending=False, after=None)
    return page if isinstance(page, Refusal) else [row["key"] for row in page.rows]


async def _page(
    request: Request, asked: Letters, limit: int, *, descending: bool, after: tuple[int, ...] | None
) -> Page | Refusal:
    tenants = whose(request, asked.tenant)
    if isinstance(tenants, Refusal):
        return tenants
    return await request.engine.store.search(
        Query(
            view=DEAD_LETTERS.name,
            tenants=tenants,
            filter=And(tuple(_parts(asked))),
            sort=(Sort("key", descending=descending),),
            limit=limit,
            after=after,
            total=False,
        )
    )


def _parts(asked: Letters) -> list[Filter]:
    named = ("queue", "level", "code", "dialect", "lane")
    parts: list[Filter] = [
        Compare(name, "eq", value) for name in named if (value := getattr(asked, name)) is not None
    ]
    for op, at in (("gt", asked.died_after), ("lt", asked.died_before)):
        if at is not None:
            parts.append(Compare("died_at", op, milliseconds(at)))
    return parts


def _shown(task: Task) -> DeadLetter:
    return DeadLetter(
        key=str(task.key),
        tenant=task.tenant,
        queue=task.queue,
        level=task.level,
        lane=task.lane,
        dialect=task.dialect,
        attempt=task.attempt,
        created_at=instant(task.created_at),
        died_at=instant(task.finished_at),
        error=ItemError(task.error_code, task.error),
        attempts=_attempts(failures.read(task.failures)),
    )


def _attempts(kept: Sequence[failures.Failure]) -> list[Attempt]:
    return [
        Attempt(
            one.attempt,
            one.worker,
            instant(one.started_at),
            instant(one.ended_at),
            ItemError(one.code, one.message),
        )
        for one in kept
    ]


def _one(outcome: Outcome) -> Reply:
    if isinstance(outcome, Rejection):
        return outcomes.refused_task(outcome)
    task: Task = outcome.reply
    return Response(body=msgspec.json.encode(ItemOutcome(str(task.key), outcomes.state_name(task.state))))


def _told(key: int, outcome: Outcome) -> ItemOutcome:
    """What became of a letter, by the key of the task that lives now."""
    if isinstance(outcome, Rejection):
        return ItemOutcome(str(key), error=outcomes.error(outcome))
    return ItemOutcome(str(outcome.reply.key), outcomes.state_name(outcome.reply.state))
