"""The sweeper: sees to it that what is due happens, by a wake-up where one is known and a slow poll always.

It reads without locks and submits ordinary commands; the transaction looks again, so two servers sweeping the
same row do it once.
"""

import asyncio
import logging
from typing import Protocol

from taskloom.core.commands import Wake
from taskloom.core.limits import BATCH_COMMANDS, POLL_MS
from taskloom.engine import followups
from taskloom.engine.outcome import Command, FireTimer, Outcome
from taskloom.engine.waiting import Waiting
from taskloom.ports.clock import Clock
from taskloom.ports.faults import fault_point
from taskloom.ports.store import FollowUpRow, Store, UnavailableError

log = logging.getLogger(__name__)


class Submit(Protocol):
    """The engine's front door, as the sweeper uses it."""

    def __call__(self, command: Command, *, follow_up: int = 0) -> "asyncio.Future[Outcome]":
        """Put a command in line."""


class Sweeper:
    """One background duty; `hint` lets it look earlier than its slow poll."""

    def __init__(self, store: Store, clock: Clock, waiting: Waiting, submit: Submit) -> None:
        self._store = store
        self._clock = clock
        self._waiting = waiting
        self._submit = submit
        self._next = 0
        self._bell = asyncio.Event()
        self._following: set[int] = set()

    def hint(self, due_at: int) -> None:
        """Something will be due then."""
        if due_at and (not self._next or due_at < self._next):
            self._next = due_at
            self._bell.set()

    def follow(self, rows: list[FollowUpRow]) -> None:
        """Submit follow-up commands that are not under way already."""
        for row in rows:
            if row.key not in self._following:
                self._following.add(row.key)
                future = self._submit(followups.decode(row.body), follow_up=row.key)
                fault_point("follow_up_submitted")
                future.add_done_callback(lambda _, key=row.key: self._following.discard(key))  # type: ignore[misc]

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except UnavailableError:
                log.warning("the store cannot be read; sweeping again later")
            await self._pause()

    async def sweep(self) -> None:
        """Everything that is due now, and everybody who waits for what is there."""
        self._next = 0
        now = self._clock.now_ms()
        while True:
            futures = [
                self._submit(Wake(key=key)) for key in await self._store.due_tasks(now, BATCH_COMMANDS)
            ]
            timers = await self._store.due_timers(now, BATCH_COMMANDS)
            futures += [self._submit(FireTimer(timer.flow, timer.name, timer.at)) for timer in timers]
            await asyncio.gather(*futures)
            if len(futures) < BATCH_COMMANDS:
                break
        self.follow(await self._store.follow_ups(BATCH_COMMANDS))
        await self._ring()
        due = await self._store.next_due()
        if due is not None and due > now:
            self.hint(due)

    async def _ring(self) -> None:
        """What a lost wake-up would have rung."""
        topics = self._waiting.topics()
        if not topics:
            return
        for queue, tenant, depth in await self._store.ready_queues(BATCH_COMMANDS):
            self._waiting.notify(("queue", queue, tenant), depth)
            self._waiting.notify(("queue", queue, None), depth)
        keys = [topic[1] for topic in topics if isinstance(topic, tuple) and topic[0] == "task"]
        for start in range(0, len(keys), BATCH_COMMANDS):
            part = keys[start : start + BATCH_COMMANDS]
            for key, task in (await self._store.tasks(part)).items():
                if task.is_final:
                    self._waiting.notify(("task", key))
        for topic in topics:
            if isinstance(topic, tuple) and topic[0] == "flow":
                self._waiting.notify(topic)
        self._waiting.notify("events")

    async def _pause(self) -> None:
        latest = self._clock.now_ms() + POLL_MS
        while True:
            until = min(latest, self._next or latest)
            rest_ms = until - self._clock.now_ms()
            if rest_ms <= 0:
                return
            self._bell.clear()
            try:
                async with asyncio.timeout(rest_ms / 1000):  # wait_for of 3.11 may swallow a cancellation
                    await self._bell.wait()
            except TimeoutError:
                return
