"""A small world around the real engine: producers, workers, crashes, lost answers, late workers, clock jumps.

One integer decides everything. A crash is what a power cut is to a server: the engine is gone with all that
waited in it, the store keeps what was committed. The history and the checker are those of the kill tests.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import Any

from taskloom.store.memory import MemoryStore

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Cancel, Claim, Complete, Create, Extend, Fail, HolderRule, Release
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outcome import Accepted, Handout
from taskloom.ports.callbacks import Call, Delivery
from taskloom.ports.store import Store, Work, WorkSource
from taskloom.views.view import View
from tests.faults.history import OK, REFUSED, UNKNOWN, Operation
from tests.model.virtual import VirtualClock, VirtualLoop

TENANTS = ("north", "south")
LEASE_MS = 2_000


class CrashError(BaseException):
    """The power went off."""


class FragileStore:
    """The memory store with a switch: off, it does nothing any more for the engine that holds it.

    It goes off at a chosen number of steps: between two requests of a batch (nothing of it is kept), or right
    after the commit (everything is kept, nobody hears of it).
    """

    shared = False

    def __init__(self, store: MemoryStore, steps: int, dice: random.Random) -> None:
        self._store = store
        self._steps = steps
        self._dice = dice
        self.off = asyncio.Event()
        self._source: WorkSource | None = None

    def start(self, source: WorkSource) -> None:
        self._source = source
        self._store.start(self)

    def next(self) -> Work | None:
        if self.off.is_set():
            return None
        assert self._source is not None
        work = self._source.next()
        if work is None:
            return None
        self._inner = work
        return self._watched(work)

    def _watched(self, work: Work) -> Work:
        """The same batch, with a chance of dying before each step."""
        reply: Any = None
        while True:
            self._step()
            try:
                request = work.send(reply)
            except StopIteration as stop:
                return stop.value
            reply = yield request

    def _step(self) -> None:
        self._steps -= 1
        if self._steps == 0:
            self.off.set()
            raise CrashInBatchError

    def done(self, work: Work, result: Any) -> None:
        if not self.off.is_set() and self._dice.random() < 0.002:
            self.off.set()
        if not self.off.is_set():
            assert self._source is not None
            self._source.done(self._inner, result)

    def failed(self, work: Work, error: Exception) -> None:
        if not self.off.is_set():
            assert self._source is not None
            self._source.failed(self._inner, error)

    def kick(self) -> None:
        if not self.off.is_set():
            self._store.kick()

    async def open(self, views: Sequence[View]) -> None:
        await self._store.open(views)

    async def close(self) -> None:
        """The data outlives the engine."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class CrashInBatchError(Exception):
    """Died between two steps of a batch."""


class Receiver:
    """Takes callbacks; now and then its answer is lost, so the call comes again."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.received: list[tuple[int, str, bytes]] = []

    async def deliver(self, call: Call) -> Delivery:
        await asyncio.sleep(self._dice.random() * 0.2)
        if self._dice.random() < 0.1:
            return Delivery(delivered=False, reason="refused")
        self.received.append((call.key, call.url, call.body))
        return Delivery(delivered=self._dice.random() > 0.1, reason="answer lost")

    async def close(self) -> None:
        """Nothing to let go of."""


class Tokens:
    """Lease tokens from the dice, so that a run replays."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def token(self) -> int:
        return self._dice.getrandbits(62) + 1


class World:
    """One run."""

    def __init__(self, seed: int, loop: VirtualLoop, *, lives: int = 4, produce: int = 60) -> None:
        self.dice = random.Random(seed)
        self.clock = VirtualClock(loop)
        self.store = MemoryStore()
        self.receiver = Receiver(self.dice)
        self.history: list[Operation] = []
        self.engine: Engine | None = None
        self._lives = lives
        self._left = produce
        self._serial = 0
        self.crashes = 0

    async def run(self) -> Store:
        """All lives of the server, then rest until everything has ended."""
        actors = [asyncio.ensure_future(self._produce(tenant)) for tenant in TENANTS]
        actors += [asyncio.ensure_future(self._work(f"w{n}", TENANTS[n % 2])) for n in range(6)]
        actors.append(asyncio.ensure_future(self._meddle()))
        for life in range(self._lives):
            await self._live(last=life == self._lives - 1, producers=actors[:2])
        for actor in actors:
            actor.cancel()
        await asyncio.gather(*actors, return_exceptions=True)
        return self.store

    async def _live(self, *, last: bool, producers: list["asyncio.Future[None]"]) -> None:
        steps = -1 if last else self.dice.randint(20, 400)
        store = FragileStore(self.store, steps, self.dice if not last else random.Random(0))
        if last:
            store.done = lambda work, result: store._source.done(store._inner, result)  # type: ignore[method-assign,union-attr]
        plan = Plan(
            store=store,
            clock=self.clock,
            tokens=Tokens(self.dice),
            bus=MemoryBus(),
            deliverer=self.receiver,
            renders={"toy": lambda task, _attributes, result: (result or b"null", {})},
        )
        engine = Engine(plan)
        await engine.start()
        self.engine = engine
        if last:
            await asyncio.gather(*producers)
            await self._rest(engine)
            await engine.stop()
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(store.off.wait(), 120)
            self.crashes += store.off.is_set()
            store.off.set()
            engine.abandon()
        self.engine = None

    async def _rest(self, engine: Engine) -> None:
        """Until nothing is open: leases run out, retries come, callbacks arrive."""
        while True:
            await asyncio.sleep(5)
            if not await engine.store.next_due() and not await engine.store.ready_queues(1):
                return

    # Actors ----------------------------------------------------------------------------------------------

    def _mark(self) -> str:
        self._serial += 1
        return f"c0-{self._serial}"

    async def _call(self, operation: Operation, command: Any) -> Any:
        """Submit; a crash meanwhile or a lost answer is unknown to the caller."""
        self.history.append(operation)
        engine = self.engine
        if engine is None:
            operation.result = REFUSED
            await asyncio.sleep(0.05)
            return None
        lost = self.dice.random() < 0.05
        try:
            if isinstance(command, Claim):
                outcome: Any = await asyncio.wait_for(engine.claim(command, self.dice.choice((0, 500))), 30)
            else:
                outcome = await asyncio.wait_for(engine.submit(command), 30)
        except (TimeoutError, asyncio.CancelledError):
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            return None
        if lost:
            return None
        refused = isinstance(outcome, Rejection)
        if refused and outcome.kind in (Kind.OVERLOADED, Kind.FAULT):
            return None
        operation.result = REFUSED if refused else OK
        return outcome

    async def _produce(self, tenant: str) -> None:
        while self._left > 0:
            await asyncio.sleep(self.dice.random() * 0.3)
            self._left -= 1
            mark = self._mark()
            create = Create(
                tenant=tenant,
                queue=self.dice.choice(("red", "blue")),
                dialect="toy",
                lane=self.dice.choice(("", "k1")),
                priority=self.dice.randint(0, 3),
                input=f'{{"mark": "{mark}"}}'.encode(),
                callback=f"https://receiver/{mark}" if self.dice.random() < 0.7 else "",
                retries=2,
                losses_max=self.dice.choice((-1, 1, 3)),
                loss_backoff_ms=self.dice.choice((0, 700)),
                ready_at=self.clock.now_ms() + self.dice.choice((0, 0, 1500)),
                expires_at=self.dice.choice((0, 0, self.clock.now_ms() + 20_000)),
            )
            await self._call(Operation("", tenant, "toy", "put", mark=mark), create)

    async def _work(self, worker: str, tenant: str) -> None:
        while True:
            claim = Claim(
                tenant=tenant,
                queues=(("red", -1), ("blue", -1)),
                worker=worker,
                holder="key",
                size=self.dice.randint(1, 4),
                lease_ms=LEASE_MS,
            )
            outcome = await self._call(Operation("", tenant, "toy", "claim"), claim)
            for handout in outcome or ():
                await asyncio.sleep(self.dice.choice((0.0, 0.1, 0.5, 3.0)))
                await self._finish(handout, worker, tenant)
            await asyncio.sleep(self.dice.random() * 0.2)

    async def _finish(self, handout: Handout, worker: str, tenant: str) -> None:
        task, dice = handout.task, self.dice
        mark = self._mark()
        result = f'{{"mark": "{mark}"}}'.encode()
        token = task.token if dice.random() < 0.8 else None
        who: dict[str, Any] = {
            "key": task.key,
            "tenant": tenant,
            "token": token,
            "worker": worker,
            "by": "key",
        }
        done = Operation("", tenant, "toy", "complete", str(task.key), mark)
        roll = dice.random()
        if roll < 0.75:
            outcome = await self._call(done, Complete(result=result, **who))
            if done.result == UNKNOWN and outcome is None:
                again = Operation("", tenant, "toy", "complete", str(task.key), mark)
                await self._call(again, Complete(result=result, **who))
        elif roll < 0.85:
            fail = Fail(code="e", message=mark, backoff_ms=dice.choice((0, 900)), **who)
            await self._call(Operation("", tenant, "toy", "fail", str(task.key)), fail)
        elif roll < 0.92:
            await self._call(
                Operation("", tenant, "toy", "release", str(task.key)), Release(deny_ms=500, **who)
            )
        else:
            await self._call(
                Operation("", tenant, "toy", "extend", str(task.key)), Extend(lease_ms=LEASE_MS, **who)
            )

    async def _meddle(self) -> None:
        """Cancels, stranger's completions and clock jumps."""
        while True:
            await asyncio.sleep(self.dice.random() * 2)
            seen = [operation.task for operation in self.history if operation.task]
            if seen and self.dice.random() < 0.3:
                key = int(self.dice.choice(seen))
                await self._call(
                    Operation("", "", "toy", "cancel", str(key)),
                    Cancel(key=key, tenant=self.dice.choice(TENANTS)),
                )
            elif seen and self.dice.random() < 0.3:
                key, mark = int(self.dice.choice(seen)), self._mark()
                stranger = Complete(
                    key=key,
                    tenant=self.dice.choice(TENANTS),
                    result=f'{{"mark": "{mark}"}}'.encode(),
                    worker="stranger",
                    by="other",
                    rule=HolderRule.WORKER_OR_KEY,
                )
                await self._call(Operation("", "", "toy", "complete", str(key), mark), stranger)
            elif self.dice.random() < 0.1:
                self.clock.jump_ms += self.dice.choice((-3_600_000, 3_600_000, 1_000, -1_000))


def accepted(outcome: Any) -> bool:
    return isinstance(outcome, Accepted)
