"""Streams: a task's frames as its worker reports them, replayed from where a reader left off.

The frames are rows, so a reader that comes late or comes back misses nothing. Who waits is rung when the
task's flow changes or the task ends; a look after each ping finds what a lost ring would have told. Frames
that the bus brought are not read in the store; the end of the task always is.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec

from taskloom.core.limits import STREAM_PAGE, STREAM_PING_MS
from taskloom.core.task import Task
from taskloom.dialects.operation import Request, Stream
from taskloom.dialects.queue import errors, frames
from taskloom.dialects.queue.submission import STOPPED, Made, cancel, cancel_later, result_of
from taskloom.dialects.queue.translate import TIMED_OUT, answer, attributes, failure
from taskloom.engine.engine import Engine
from taskloom.flows.stream import name
from taskloom.views.frames import FRAMES
from taskloom.views.view import And, Compare, Query, Sort

Page = list[tuple[int, bytes]]
"""Frames: number and body."""

CHAT: Final = "/v1/chat/completions"


def opened(chunks: AsyncIterator[bytes], task_id: str) -> Stream:
    """The answer that a stream is."""
    return Stream(chunks, headers={"x-bella-task-id": task_id} if task_id else {})


class Reader:
    """Reads one task's stream.

    `ended` says that all of it was read, `is_served` that the mark which clients take for its end was: they
    go away then, and want the task to be finished all the same.
    """

    def __init__(self, engine: Engine, task: Task, after: int = -1) -> None:
        self.ended = False
        self.is_served = False
        self._engine = engine
        self._task = task
        self._after = after

    async def until(self, deadline: int) -> AsyncIterator[bytes]:
        """What there is and what comes, until the stream ends or the instant (monotonic ms) has come."""
        engine = self._engine
        topics = (("task", self._task.key), ("flow", self._task.flow))
        with engine.waiting.duty(topics[0]) as end:
            end.ring()  # the first look goes to the store
            while not self.ended:
                with engine.waiting.ticket(*topics) as ticket:
                    page, has_more = [] if end.take() else self._heard(), False
                    if not page:
                        page, has_more = await self._stored()
                    if not page and self._task.is_final:
                        self.ended = True
                        yield await self._tail(self._task)
                        return
                    chunk = self._shown(self._task, page)
                    if chunk:
                        yield chunk
                    if has_more:
                        end.ring()
                        continue  # else what comes next rings
                    rest_ms = deadline - engine.clock.monotonic_ms()
                    if rest_ms <= 0 or engine.waiting.closed:
                        return
                    if not await ticket.wait(min(rest_ms, STREAM_PING_MS)) and rest_ms > STREAM_PING_MS:
                        yield frames.PING

    async def _stored(self) -> tuple[Page, bool]:
        """The next frames of the store, and whether there may be more, or the end."""
        self._task = await self._engine.store.task(self._task.key) or self._task
        page = await self._page()
        return page, bool(page) and (self._task.is_final or len(page) == STREAM_PAGE)

    def _heard(self) -> Page:
        """The next frames as the bus brought them, which count as read."""
        stream = name(self._task)
        page = self._engine.heard(stream, self._after) if stream else []
        if page:
            self._after = page[-1][0]
        return page

    def _shown(self, _task: Task, page: Page) -> bytes:
        """What there is new, as it goes over the wire."""
        chunk = b"".join(frames.frame(number, body) for number, body in page)
        self.is_served = self.is_served or frames.END in chunk
        return chunk

    async def _page(self) -> Page:
        """The next frames, which count as read."""
        rows = await self._rows(Compare("number", "gt", self._after), Sort("number"), STREAM_PAGE)
        if rows:
            self._after = rows[-1]["number"]
        return [(row["number"], row["body"]) for row in rows]

    async def _rows(self, which: Compare, order: Sort, limit: int) -> list[dict[str, Any]]:
        query = Query(
            view=FRAMES.name,
            tenants=(self._task.tenant,),
            filter=And((Compare("task", "eq", self._task.key), which)),
            sort=(order,),
            limit=limit,
            total=False,
        )
        return (await self._engine.store.search(query)).rows

    async def _tail(self, task: Task) -> bytes:
        """What ends the stream: an error, or for chat completions the mark that ends them, if missing.

        A chat completion that came whole, without any progress before it, is sent as one chunk.
        """
        result = await result_of(self._engine, task)
        refusal = failure(task, result)
        if refusal is not None:
            return frames.error(errors.fault(refusal))
        details = await self._engine.store.details([task.key])
        if attributes(details[task.key].attributes, task.dialect).endpoint != CHAT:
            return b""
        last = await self._rows(Compare("number", "gte", 0), Sort("number", descending=True), 1)
        tail = [] if last else whole_as_chunk(answer(result).body)
        if not (last and frames.is_done(last[0]["body"])):
            tail.append(frames.DONE)
        first = last[0]["number"] + 1 if last else 0
        numbered = [(number, data) for number, data in enumerate(tail, first) if number > self._after]
        return b"".join(frames.event(number, "message", data) for number, data in numbered)


def whole_as_chunk(body: bytes) -> list[bytes]:
    """A whole chat completion as one chunk of a stream; nothing when the body is no such thing."""
    try:
        whole = msgspec.json.decode(body, type=dict[str, Any])
        choices = msgspec.convert(whole.get("choices"), list[dict[str, Any]])
    except msgspec.DecodeError:
        return []
    deltas = [
        {**{name: value for name, value in choice.items() if name != "message"}, "delta": choice["message"]}
        for choice in choices
        if "message" in choice
    ]
    if not deltas:
        return []
    return [msgspec.json.encode({**whole, "object": "chat.completion.chunk", "choices": deltas})]


async def put(
    request: Request, made: Made, reading: Callable[[Engine, Task], Reader] = Reader
) -> AsyncIterator[bytes]:
    """The stream of a caller's own task, which is cancelled when the caller goes away or waits too long."""
    engine = request.engine
    deadline = engine.clock.monotonic_ms() + made.wait_ms
    reader: Reader | None = None
    try:
        task = await engine.store.task(made.key)
        assert task is not None, "the task was made before its stream is read"
        reader = reading(engine, task)
        async for chunk in reader.until(deadline):
            yield chunk
        if not reader.ended:
            await cancel(request, made.key, STOPPED if engine.waiting.closed else TIMED_OUT)
            async for chunk in reader.until(deadline):
                yield chunk
    finally:
        if reader is None or not (reader.ended or reader.is_served):
            cancel_later(request, made.key)
