"""A small world around the real engine: producers, workers, crashes, lost answers, late workers, clock jumps.

One integer decides everything. A crash is what a power cut is to a server: the engine is gone with all that
waited in it, the store keeps what was committed. The history and the checker are those of the kill tests.
"""

import asyncio
import contextlib
import random
from typing import Any

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Cancel, Claim, Complete, Create, Extend, Fail, HolderRule, Release
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outcome import Accepted, Handout
from taskloom.ports.callbacks import Call, Delivery
from taskloom.ports.store import Store, Work, WorkSource
from taskloom.store.memory import MemoryData, MemoryStore
from tests.faults.history import OK, REFUSED, UNKNOWN, Operation
from tests.model.virtual import VirtualClock, VirtualLoop

TENANTS = ("north", "south")
LEASE_MS = 2_000


class PowerCutError(Exception):
    """Died between two steps of a batch."""


class FragileStore(MemoryStore):
    """The memory store of one life of a server: after so many steps the power goes off.

    That is between two requests of a batch (nothing of it is kept), or right after a commit (all of it is
    kept, and nobody hears of it). Off, it does nothing any more for the engine that holds it.
    """

    def __init__(self, data: MemoryData, steps: int, dice: random.Random) -> None:
        super().__init__(data, step=self._pass_step)
        self._steps = steps
        self._dice = dice
        self.off = asyncio.Event()

    def _pass_step(self, name: str) -> None:
        del name
        self._steps -= 1
        if self._steps == 0:
            self.off.set()
            raise PowerCutError

    def start(self, source: WorkSource) -> None:
        super().start(Switch(source, self.off, self._dice if self._steps > 0 else None))

    async def close(self) -> None:
        """The data outlives the server."""


class Switch:
    """Stands between store and writer and says nothing once the power is off."""

    def __init__(self, source: WorkSource, off: asyncio.Event, dice: random.Random | None) -> None:
        self._source = source
        self._off = off
        self._dice = dice

    def next(self) -> Work | None:
        return None if self._off.is_set() else self._source.next()

    def done(self, work: Work, result: Any) -> None:
        if self._dice is not None and self._dice.random() < 0.004:
            self._off.set()
        if not self._off.is_set():
            self._source.done(work, result)

    def failed(self, work: Work, error: Exception) -> None:
        if not self._off.is_set():
            self._source.failed(work, error)


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
        self.data = MemoryData()
        self.store = MemoryStore(self.data)
        self.receiver = Receiver(self.dice)
        self.history: list[Operation] = []
        self.engine: Engine | None = None
        self._lives = lives
        self._left = produce
        self._serial = 0
        self.crashes = 0
        self._resting = False

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
        store = FragileStore(self.data, steps, self.dice)
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
                async with asyncio.timeout(120):
                    await store.off.wait()
            self.crashes += store.off.is_set()
            store.off.set()
            engine.abandon()
        self.engine = None

    async def _rest(self, engine: Engine) -> None:
        """Until nothing is open: leases run out, retries come, callbacks arrive."""
        self._resting = True
        while True:
            await asyncio.sleep(30)
            busy = await engine.store.due_outbox(self.clock.now_ms() + 10**9, 1)
            if not busy and not await engine.store.next_due() and not await engine.store.ready_queues(1):
                return

    # Actors ----------------------------------------------------------------------------------------------

    def _mark(self) -> str:
        self._serial += 1
        return f"c0-{self._serial:06}"  # of one width: none is the beginning of another

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
            async with asyncio.timeout(30):
                if isinstance(command, Claim):
                    outcome: Any = await engine.claim(command, self.dice.choice((0, 500)))
                else:
                    outcome = await engine.submit(command)
        except TimeoutError:
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
            # At rest a lease may still live an hour, after the clock stepped back.
            await asyncio.sleep(self.dice.random() * (60 if self._resting and not outcome else 0.2))

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
        done = Operation("", tenant, "toy", "complete", str(task.key), mark, task.attempt if token else 0)
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
        while not self._resting:
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
