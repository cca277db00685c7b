"""The event bus: workers write progress and results into streams, and every server reads its own.

Each key has a user that can only add to streams below its own topic, so the stream's name says who wrote;
what the entries say is never believed about that. Entries become the commands that the same calls over HTTP
make, and are removed after the commit. Reading begins at the oldest entry there is, so a server that was
killed goes on where it stopped; what it did already changes nothing when done again. The streams of a server
that is gone are read by the others.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from taskloom.core.commands import Complete, Fail, Report
from taskloom.core.limits import (
    EVENT_ADMIT_S,
    EVENT_ALIVE_S,
    EVENT_ENTRIES_AT_ONCE,
    EVENT_READERS,
    EVENT_ROUNDS_BETWEEN_LOOKS,
    EVENT_STREAM_KEPT_S,
    EVENT_WAIT_MS,
)
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Request, Services
from taskloom.dialects.queue.event_access import PREFIX, Accesses, topic
from taskloom.dialects.queue.events import Ended, Told, told
from taskloom.dialects.queue.finishing import Actor, finish, with_usage
from taskloom.dialects.queue.wire import TaskView
from taskloom.dialects.queue.wire_queues import EventBusPlace
from taskloom.ports.bus import Entry, Streams, StreamsError

log = logging.getLogger(__name__)

NAME: Final = "queue.eventbus"
MODES: Final = frozenset("BS")
"""The modes whose workers answer over the event bus."""

_SIGN: Final = "taskloom:server:"
_PAUSE_S: Final = 0.25


class EventBus:
    """Reads what workers wrote; one for each server."""

    def __init__(self, services: Services, streams: Streams) -> None:
        self._engine = services.engine
        self._streams = streams
        self._accesses = Accesses(services.engine, streams)
        self._readers: dict[str, None] = {}
        self._news = asyncio.Event()
        self._duty: asyncio.Task[None] | None = None
        self.instance = f"node-{services.engine.node}"

    async def start(self) -> None:
        """Begin to read."""
        self._duty = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop reading; what is unread stays."""
        if self._duty is not None:
            self._duty.cancel()
            await asyncio.gather(self._duty, return_exceptions=True)
        await self._streams.close()

    async def place(self, request: Request) -> EventBusPlace | None:
        """Where the caller may write; None while the streams cannot be reached."""
        access = await self._accesses.of(request.tenant, request.principal)
        if access is None:
            return None
        self.expect(access.topic)
        try:
            async with asyncio.timeout(EVENT_ADMIT_S):
                url = await self._streams.admit(access.user, access.password, access.topic)
        except (StreamsError, TimeoutError) as error:
            log.warning("the event bus is away: %s", error or "it does not answer")
            return None
        return EventBusPlace(url, access.topic)

    def expect(self, topic: str) -> None:
        """A worker may write to this server's stream below a topic from now on."""
        self._expect(topic + self.instance)

    def _expect(self, stream: str) -> None:
        if stream in self._readers:
            return
        if len(self._readers) >= EVENT_READERS:
            self._readers.clear()  # the next look finds those that hold something
        self._readers[stream] = None
        self._news.set()

    async def _run(self) -> None:
        away = False
        while True:
            try:
                await self._accesses.admit_all()
                await self._look()
                away = False
                await self._read_on()
            except StreamsError as error:
                if not away:  # said once
                    log.warning("the event bus is interrupted: %s", error)
                away = True
            except Exception:
                log.exception("the event bus broke off; it begins anew")
            await asyncio.sleep(_PAUSE_S)

    async def _read_on(self) -> None:
        rounds = 1
        while True:
            if rounds % EVENT_ROUNDS_BETWEEN_LOOKS == 0:
                await self._look()
            rounds += 1
            if not self._readers:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVENT_WAIT_MS / 1000):
                        await self._news.wait()
            self._news.clear()
            if not self._readers:
                continue
            found = await self._streams.read(tuple(self._readers), EVENT_ENTRIES_AT_ONCE, EVENT_WAIT_MS)
            done = await asyncio.gather(*(self._take_in(name, entries) for name, entries in found.items()))
            if not all(done):
                await asyncio.sleep(_PAUSE_S)

    async def _look(self) -> None:
        """Say that this server lives; find its streams, and those of servers that do not live."""
        await self._streams.sign(_SIGN + self.instance, EVENT_ALIVE_S)
        names = await self._streams.names(PREFIX)
        instances = {name.rpartition(":")[2] for name in names} - {self.instance}
        alive = await self._streams.signs([_SIGN + instance for instance in sorted(instances)])
        foreign = {sign.removeprefix(_SIGN) for sign in alive}
        for name in [name for name in self._readers if name.rpartition(":")[2] in foreign]:
            del self._readers[name]
        for name in names:
            if name.rpartition(":")[2] not in foreign:
                self._expect(name)

    async def _take_in(self, stream: str, entries: Sequence[Entry]) -> bool:
        """Do what the entries say and remove them; False when the rest must wait."""
        actor = await self._accesses.actor(stream)
        read = len(entries) if actor is None else await self._carry_out(actor, entries)
        if read:
            await self._streams.remove(stream, [entry.id for entry in entries[:read]], EVENT_STREAM_KEPT_S)
        return read == len(entries)

    async def _carry_out(self, actor: Actor, entries: Sequence[Entry]) -> int:
        """How many entries, from the first on, are done with: carried out, refused for good, or garbage.

        Events of several tasks go together; of one task each waits for the one before it to be stored.
        """
        line: dict[int, tuple[int, Complete | Fail | Report, int]] = {}
        for number, entry in enumerate(entries):
            event = told(entry)
            if event is None:
                continue
            if event.key in line:
                if (refused := await self._submit(line)) is not None:
                    return refused
                line.clear()
            line[event.key] = (number, await self._command(actor, event), event.size)
        refused = await self._submit(line)
        return len(entries) if refused is None else refused

    async def _submit(self, line: Mapping[int, tuple[int, Complete | Fail | Report, int]]) -> int | None:
        """The number of the first entry that must be tried again, None when all are done with."""
        if not line:
            return None
        numbers, commands, sizes = zip(*line.values(), strict=True)
        outcomes = await self._engine.submit_many(commands, sizes=sizes)
        for number, outcome in zip(numbers, outcomes, strict=True):
            if isinstance(outcome, Rejection) and self._is_temporary(outcome):
                return int(number)
        return None

    def _is_temporary(self, refused: Rejection) -> bool:
        """Whether it may go well later: a fault that is not the store's would hold up the stream for ever."""
        return refused.kind is Kind.OVERLOADED or (refused.kind is Kind.FAULT and self._engine.blocked)

    async def _command(self, actor: Actor, event: Told) -> Complete | Fail | Report:
        if isinstance(event, Ended):
            done = await with_usage(self._engine, actor, event.key, event.task_id, event.completion)
            return finish(actor, event.key, done)
        return Report(
            key=event.key,
            tenant=actor.wall,
            mark=event.mark,
            result=event.frame,
            worker=actor.worker,
            by=actor.name,
        )


def addressed(request: Request, shown: TaskView) -> TaskView:
    """A task as it is handed out, with the place where its worker writes if there is an event bus."""
    bus: EventBus | None = request.services.resources.get(NAME)
    if bus is None:
        return shown
    bus.expect(topic(request.tenant, request.principal.name))
    return msgspec.structs.replace(shown, instance_id=bus.instance)
