"""The engine: the one doorway for commands, and everything that waits or follows.

Nothing is acknowledged before its commit. Time, keys, chance, store, bus and deliverer come from outside.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from taskloom.core.commands import Claim, Release
from taskloom.core.keys import KeyMaker
from taskloom.core.limits import POLL_MS, WAIT_MS_MAX
from taskloom.core.rejections import Rejection
from taskloom.core.task import Task
from taskloom.engine.batch import Environment
from taskloom.engine.outbox import Outbox, Render
from taskloom.engine.outcome import Accepted, Command, Handout, Idempotency, Outcome
from taskloom.engine.policies import Policies
from taskloom.engine.shapes import work_out_shapes
from taskloom.engine.standing import Standing
from taskloom.engine.submission import Submission
from taskloom.engine.sweeper import Sweeper
from taskloom.engine.transaction import BatchResult
from taskloom.engine.waiting import Ticket, Waiting
from taskloom.engine.webhooks import Webhooks
from taskloom.engine.writer import Writer
from taskloom.flows.flow import Flow
from taskloom.ports.bus import Bus
from taskloom.ports.callbacks import Deliverer
from taskloom.ports.clock import Clock, Tokens
from taskloom.ports.faults import fault_point
from taskloom.ports.store import Store, UnavailableError
from taskloom.views.deliveries import DELIVERIES
from taskloom.views.view import Project, View

log = logging.getLogger(__name__)

CONTENDED_PAUSE_S = 0.02
"""How long a claim waits before it looks again for tasks that another server was handing out."""
NODE_LEASE_MS = 30_000
"""How long a node number stays ours without renewal."""


class SharedKeyMaker(KeyMaker):
    """A key maker for two threads: the store's, where batches run, and the loop's."""

    __slots__ = ("_lock",)

    def __init__(self, node: int, floor: int = 0) -> None:
        super().__init__(node, floor)
        self._lock = threading.Lock()

    def make(self, now_ms: int) -> int:
        """A new key, above every other one whoever asked."""
        with self._lock:
            return super().make(now_ms)


class Plan:
    """What an engine is made of; `views` and `projections` belong to the kinds of flows."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        tokens: Tokens,
        bus: Bus,
        deliverer: Deliverer,
        flows: Sequence[Flow[Any]] = (),
        views: Sequence[View] = (),
        projections: Mapping[str, Project] | None = None,
        renders: Mapping[str, Render] | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.tokens = tokens
        self.bus = bus
        self.deliverer = deliverer
        self.flows = {flow.kind: flow for flow in flows}
        self.views = views
        self.projections = dict(projections or {})
        self.renders = dict(renders or {})


class Engine:
    """Submit commands, wait for work or outcomes, read what is stored."""

    def __init__(self, plan: Plan) -> None:
        self.store = plan.store
        self.clock = plan.clock
        self.waiting = Waiting()
        self.policies = Policies(plan.store, plan.clock)
        self.sequence = 0
        self._plan = plan
        self._keys: SharedKeyMaker
        self._writer: Writer
        self._sweeper: Sweeper
        self._outbox: Outbox
        self._held_back: set[tuple[str, str]] = set()
        self.webhooks: Webhooks
        self._duties: list[asyncio.Task[None]] = []
        self._node = 0
        self.ready = False

    @property
    def node(self) -> int:
        """The number of this server, which no other one has while this one lives."""
        return self._node

    @property
    def standing(self) -> Standing:
        """The claims that wait for tasks."""
        return self._writer.standing

    async def start(self) -> None:
        """Open the store, lease a node number, begin to work."""
        work_out_shapes()
        plan = self._plan
        await plan.store.open((*plan.views, DELIVERIES))
        self._node, last_key = await plan.store.lease_node(plan.clock.now_ms())
        keys = self._keys = SharedKeyMaker(self._node, last_key)
        environment = Environment(keys, self._node, plan.tokens, plan.flows, plan.projections, {})
        self._writer = Writer(plan.store, environment, plan.clock, self._publish)
        self._sweeper = Sweeper(plan.store, plan.clock, self.waiting, self._put)
        self.webhooks = Webhooks(plan.store, plan.clock, self._put, environment.listeners)
        self._outbox = Outbox(
            plan.store,
            plan.clock,
            self._put,
            deliverer=plan.deliverer,
            renders=plan.renders,
            webhooks=self.webhooks,
        )
        await self.webhooks.refresh(now=True)
        self.sequence = await plan.store.sequence()
        plan.store.start(self._writer)
        await plan.bus.open(self._hint)
        duties = (self._sweeper.run(), self._outbox.run(), self._keep_node())
        self._duties = [asyncio.create_task(duty) for duty in duties]
        self.ready = True

    async def stop(self) -> None:
        """End all waits with "nothing yet", finish what was accepted, let go of the store."""
        self.ready = False
        self.waiting.close()
        for duty in self._duties:
            duty.cancel()
        await asyncio.gather(*self._duties, return_exceptions=True)
        await self._writer.drain()
        await self._plan.bus.close()
        await self._plan.deliverer.close()
        await self.store.close()

    def abandon(self) -> None:
        """Let go without finishing anything, as a crash would; for simulations."""
        self.ready = False
        for duty in self._duties:
            duty.cancel()

    def _put(self, command: Command, *, follow_up: int = 0) -> "asyncio.Future[Outcome]":
        return self._writer.submit(Submission(command, follow_up=follow_up))

    async def submit(
        self, command: Command, *, idempotency: Idempotency | None = None, size: int = 0
    ) -> Outcome:
        """Do it; the answer comes after the commit. `size` is what the command weighs in bytes."""
        return await self._writer.submit(Submission(command, idempotency=idempotency, size=size))

    async def submit_many(
        self,
        commands: Sequence[Command],
        *,
        idempotency: Sequence[Idempotency | None] = (),
        sizes: Sequence[int] = (),
    ) -> list[Outcome]:
        """Do them all, each by itself, and answer in their order after the commits.

        The promises are those of `submit`: each is decided alone, and a refusal or a fault in one does not
        touch the others. Only the waiting is shared. They are lined up whole or, when too many commands wait,
        not at all.
        """
        keys = idempotency or [None] * len(commands)
        weights = sizes or [0] * len(commands)
        line = [
            Submission(command, idempotency=key, size=size)
            for command, key, size in zip(commands, keys, weights, strict=True)
        ]
        return await self._writer.submit_many(line)

    def new_key(self) -> int:
        """A key for something a command is about to make, such as a record that another one refers to."""
        return self._keys.make(self.clock.now_ms())

    @property
    def blocked(self) -> bool:
        """Whether the store could not write when it last tried."""
        return self._writer.blocked

    def measure(self, observe: Callable[[int, float], None]) -> None:
        """Tell somebody of every commit, in the store's thread: how many commands, how many seconds."""
        self._writer.observe = observe

    async def claim(self, command: Claim, wait_ms: int = 0) -> list[Handout] | Rejection:
        """Hand out ready tasks; with `wait_ms`, wait until at least one is there or the time is over.

        Cancelled, it leaves nobody holding anything: what was handed out meanwhile is given back.
        """
        deadline = self.clock.monotonic_ms() + min(wait_ms, WAIT_MS_MAX)
        topics = tuple(("queue", queue, command.tenant) for queue, _ in command.queues)
        while True:
            with self.waiting.ticket(*topics) as ticket:
                outcome = await self._handed_out(self._put(command))
                if isinstance(outcome, Rejection):
                    return outcome
                rest_ms = deadline - self.clock.monotonic_ms()
                if outcome.reply or rest_ms <= 0 or self.waiting.closed:
                    return list(outcome.reply)
                standing = await self._stand(command, ticket, rest_ms)
                if standing is None or standing:
                    return standing or []

    async def _stand(self, command: Claim, ticket: Ticket, rest_ms: int) -> list[Handout] | None:
        """Wait: what a batch handed out; nothing when it is time to ask again, None when the time is over."""
        submission = self._writer.stand(command, ticket.ring)
        handing_out: asyncio.Future[Outcome] = submission.waiter
        try:
            rung = await ticket.wait(rest_ms)
        except asyncio.CancelledError:
            if not self._writer.withdraw(submission):
                handing_out.add_done_callback(self._give_back)
            raise
        if self._writer.withdraw(submission):
            return [] if rung else None
        outcome = await self._handed_out(handing_out)
        return list(outcome.reply) if isinstance(outcome, Accepted) else []

    async def _handed_out(self, handing_out: "asyncio.Future[Outcome]") -> Outcome:
        """The outcome of a claim; if the caller goes away meanwhile, what it was handed is given back."""
        try:
            outcome = await asyncio.shield(handing_out)
        except asyncio.CancelledError:
            handing_out.add_done_callback(self._give_back)
            raise
        if isinstance(outcome, Accepted) and outcome.reply:
            fault_point("claim_answered")
        return outcome

    def _give_back(self, handed_out: "asyncio.Future[Outcome]") -> None:
        outcome = handed_out.result()
        if isinstance(outcome, Accepted):
            for handout in outcome.reply:
                task = handout.task
                self._put(Release(key=task.key, tenant=None, token=task.token, worker=task.worker))

    async def outcome(self, key: int, wait_ms: int) -> Task | None:
        """The task once it is final, or as it is when the time is over; None when there is none."""
        deadline = self.clock.monotonic_ms() + min(wait_ms, WAIT_MS_MAX)
        while True:
            with self.waiting.ticket(("task", key)) as ticket:
                task = await self.store.task(key)
                rest_ms = deadline - self.clock.monotonic_ms()
                if task is None or task.is_final or rest_ms <= 0 or self.waiting.closed:
                    return task
                await ticket.wait(rest_ms)

    async def events(self, after: int, wait_ms: int) -> bool:
        """Whether there are events numbered above `after`; waits until there are or the time is over."""
        with self.waiting.ticket("events") as ticket:
            if self.sequence > after or await self.store.sequence() > after:
                return True
            return await ticket.wait(min(wait_ms, POLL_MS)) and self.sequence > after

    def heard(self, stream: str, after: int) -> list[tuple[int, bytes]]:
        """What flows said of a stream from the number after `after` on; nothing: look in the store."""
        return self._plan.bus.heard(stream, after)

    async def sweep(self) -> None:
        """Do all that is due now, instead of waiting until the sweeper comes round."""
        self._outbox.ring()
        await self._sweeper.sweep()

    def _publish(self, result: BatchResult) -> None:
        """A batch was committed: ring whom it concerns."""
        for said in result.said:
            self._plan.bus.say(said.stream, said.number, said.body)
        waiting = self.waiting
        topics: set[str] = set()
        if result.sequence > self.sequence:
            self.sequence = result.sequence
            waiting.notify("events")
            topics.add("events")
        for (queue, tenant), count in result.ready.items():
            waiting.notify(("queue", queue, tenant), count)
            waiting.notify(("queue", queue, None), count)
            topics.add(f"queue {tenant} {queue}")
        for task in result.finished:
            waiting.notify(("task", task.key))
            topics.add(f"task {task.key}")
        for flow in result.flows:
            waiting.notify(("flow", flow))
            topics.add(f"flow {flow}")
        for queue, tenant in result.contended:
            self._look_again(queue, tenant)
        if result.held_back:
            self._hold_back(result.held_back)
        for place in self._held_back.intersection(result.freed):
            self._held_back.discard(place)
            self._ring(*place)
        if result.next_due:
            self._sweeper.hint(result.next_due)
        if result.outbox:
            self._outbox.ring()
        if result.follow_ups:
            self._sweeper.follow(list(result.follow_ups))
        if topics and self.store.shared:
            self._plan.bus.publish(topics)

    def _look_again(self, queue: str, tenant: str) -> None:
        """Another server held tasks during its transaction: those who got nothing try once more."""
        asyncio.get_running_loop().call_later(CONTENDED_PAUSE_S, self._ring, queue, tenant)

    def _hold_back(self, places: Mapping[tuple[str, str], int]) -> None:
        """Claims met limits: they look again when something ends there, or when the instant comes."""
        self._held_back.update(places)
        for opens_at in places.values():
            self._sweeper.hint(opens_at)

    def _ring(self, queue: str, tenant: str) -> None:
        self.waiting.notify(("queue", queue, tenant))
        self.waiting.notify(("queue", queue, None))

    def _hint(self, topic: str) -> None:
        """A hint from another server."""
        kind, _, rest = topic.partition(" ")
        if kind == "queue":
            tenant, _, queue = rest.partition(" ")
            self.waiting.notify(("queue", queue, tenant))
            self.waiting.notify(("queue", queue, None))
        elif kind in ("task", "flow") and rest.isdigit():
            self.waiting.notify((kind, int(rest)))
        elif kind == "events":
            self.waiting.notify("events")
        elif kind == "all":
            for waited in self.waiting.topics():
                self.waiting.notify(waited)

    async def _keep_node(self) -> None:
        while True:
            await asyncio.sleep(NODE_LEASE_MS / 3000)
            try:
                kept = await self.store.keep_node(self._node, self.clock.now_ms())
            except UnavailableError:
                log.warning("the lease of the node number could not be renewed; trying again")
                continue
            if not kept:
                log.error("the node number %d was lost; this server makes no more keys", self._node)
                self.ready = False
                return


__all__ = ["Accepted", "Engine", "Plan"]
