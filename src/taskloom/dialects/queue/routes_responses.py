"""The Responses API: asked and waited for, streamed, or in the background and looked at later."""

from typing import Any, Final

from msgspec import Struct

from taskloom.core.commands import Cancel
from taskloom.core.limits import INPUT_ITEMS_PAGE_MAX, OFFLINE_LEVEL, WAIT_MS_MAX
from taskloom.core.payload import opaque_error
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.queue import errors, response_object, responses, streaming, submission
from taskloom.dialects.queue.errors import NO_CACHE, decoded, invalid
from taskloom.dialects.queue.responses import NO_RESPONSE, Found, ResponseReader
from taskloom.dialects.queue.routes_inference import route_of
from taskloom.dialects.queue.submission import Asked, Made
from taskloom.dialects.queue.translate import MODES
from taskloom.dialects.queue.wire import encode
from taskloom.dialects.queue.wire_openai import DeletedResponse, ItemList, Question

_ITEMS_DEFAULT: Final = 20
_ORDERS: Final = ("asc", "desc")


async def create(request: Request) -> Reply:
    """Ask for a response; wait for it, read it as it comes, or only have it begun."""
    wrong = opaque_error(request.body)
    if wrong is not None:
        return invalid(wrong, code="bad_json")
    wanted = decoded(request.body, Question)
    if isinstance(wanted, Refusal):
        return wanted
    background, streamed = wanted.background is True, wanted.stream is True
    if background and wanted.store is False:
        return invalid("a response in the background is stored", "store")
    route = await route_of(request, wanted)
    if isinstance(route, Refusal):
        return route
    asked = Asked(
        endpoint=request.operation.path,
        data=route.addressed(request.body),
        queue=route.queue,
        mode=MODES["streaming" if streamed else "callback" if background else "blocking"],
        level=OFFLINE_LEVEL if background else 0,
        background=background,
    )
    made = await submission.make(request, asked)
    if isinstance(made, Refusal):
        return made
    if streamed:
        return await _streamed(request, made, background)
    if background:
        shell = response_object.shell(made.key, response_object.asked(asked.data))
        return _json(shell, made.task_id)
    return _named(made, asked.data, await submission.blocking(request, made))


async def _streamed(request: Request, made: Made, background: bool) -> Reply:
    found = await responses.by_key(request.engine, made.key)
    assert found is not None, "the response was made before it is read"
    reader = ResponseReader(request.engine, found)
    if background:
        chunks = reader.until(request.engine.clock.monotonic_ms() + WAIT_MS_MAX)
    else:
        chunks = streaming.put(request, made, lambda _engine, _task: reader)
    return streaming.opened(chunks, made.task_id)


def _named(made: Made, data: bytes, said: Response) -> Response:
    """The worker's answer as a response with our id; what is no success is passed on as it is."""
    if not 200 <= said.status < 300:
        return said
    shell = response_object.shell(made.key, response_object.asked(data))
    whole = response_object.answered(shell, said.body)
    return Response(said.status, encode(whole), headers=said.headers)


async def get(request: Request) -> Reply:
    """A response as it is now; with `stream=true` its events, from the one after `starting_after`."""
    found = await responses.find(request)
    if found is None:
        return NO_RESPONSE
    if _asked_for(request, "stream") != "true":
        return _json(await responses.shown(request.engine, found))
    last = _asked_for(request, "starting_after") or request.headers.get("last-event-id", "")
    if last and not (last.isascii() and last.isdigit() and len(last) <= 18):
        return invalid("starting_after must be the number of an event", "starting_after")
    reader = ResponseReader(request.engine, found, int(last) if last else -1)
    chunks = reader.until(request.engine.clock.monotonic_ms() + WAIT_MS_MAX)
    return streaming.opened(chunks, "")


async def cancel(request: Request) -> Reply:
    """End a response in the background; one that has ended stays as it is."""
    found = await responses.find(request)
    if found is None:
        return NO_RESPONSE
    if not found.is_background:
        return invalid("only a response in the background can be cancelled", "response_id")
    return await _cancelled(request, found) or await get(request)


async def delete(request: Request) -> Reply:
    """Let a response be found no more; one that is still under way is cancelled."""
    found = await responses.find(request)
    if found is None:
        return NO_RESPONSE
    refused = await responses.forget(request.engine, found)
    if refused is not None:
        return errors.refused(refused)
    return await _cancelled(request, found) or _json(DeletedResponse(id=found.id))


async def input_items(request: Request) -> Reply:
    """What a response was asked, page by page."""
    found = await responses.find(request)
    if found is None:
        return NO_RESPONSE
    page = _page(request)
    if isinstance(page, Refusal):
        return page
    items = responses.input_items(found)
    if page.order == "desc":
        items.reverse()
    ids = [str(item["id"]) for item in items]
    first = ids.index(page.after) + 1 if page.after in ids else 0
    shown = items[first : first + page.limit]
    return _json(
        ItemList(
            data=shown,
            first_id=shown[0]["id"] if shown else None,
            last_id=shown[-1]["id"] if shown else None,
            has_more=first + page.limit < len(items),
        )
    )


class _Page(Struct, frozen=True):
    """Which part of a list is wanted."""

    limit: int
    order: str
    after: str


def _page(request: Request) -> _Page | Refusal:
    wanted = _asked_for(request, "limit") or str(_ITEMS_DEFAULT)
    fits = wanted.isascii() and wanted.isdigit() and len(wanted) <= 4
    if not fits or not 1 <= int(wanted) <= INPUT_ITEMS_PAGE_MAX:
        return invalid(f"limit must be a number from 1 to {INPUT_ITEMS_PAGE_MAX}", "limit")
    order = _asked_for(request, "order") or "desc"
    if order not in _ORDERS:
        return invalid("order must be asc or desc", "order")
    return _Page(int(wanted), order, _asked_for(request, "after"))


async def _cancelled(request: Request, found: Found) -> Refusal | None:
    """Cancel the task, if it has not ended; why that was refused otherwise."""
    command = Cancel(key=found.task.key, tenant=request.wall, reason="cancelled", by=request.principal.name)
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection) and outcome.kind is not Kind.FINAL:
        return errors.refused(outcome)
    return None


def _asked_for(request: Request, name: str) -> str:
    """The last value of a query parameter, "" when it is not there."""
    return (request.query.get(name) or ("",))[-1]


def _json(value: Any, task_id: str = "") -> Response:
    headers = {**NO_CACHE, "x-bella-task-id": task_id} if task_id else NO_CACHE
    return Response(body=encode(value), headers=headers)
