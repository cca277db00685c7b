"""A worker: plain functions that do the tasks of queues.

Tasks are claimed in batches with a long poll, as many as there is room for. What is finished while the
previous answer was under way goes out in one request; one that got no answer is sent again, which is
harmless, for the same outcome from the same attempt counts once. Leases are renewed at a third of their
length. A worker that is killed loses nothing: its leases run out.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec

from taskloom_client.errors import ForbiddenError, TaskloomError, UnauthorizedError
from taskloom_client.functions import Work
from taskloom_client.outcomes import Fatal, RateLimited, Reply, Retry
from taskloom_client.task import Task
from taskloom_client.transport import AsyncTransport, Call
from taskloom_client.wire import ClaimedTasks, Outcomes, encode

log = logging.getLogger("taskloom_client")

Function = TypeVar("Function", bound=Callable[..., Any])

_AT_ONCE: Final = 500
_POLL_MS: Final = 20_000
_PAUSE_S: Final = 1.0
_FINISH: Final = ("complete", "fail", "release", "progress")


class Worker:
    """Does the tasks of the queues that its functions are registered for.

    `concurrency` is how many tasks it holds at once; functions that block run in as many threads. `grace_s`
    is how long a stopping worker lets its functions finish before it gives their tasks back.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        name: str = "",
        concurrency: int = 100,
        lease_ms: int = 60_000,
        grace_s: float = 30.0,
        tenant: str = "",
        transport: Any = None,
    ) -> None:
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.talk_through(url, key, transport, tenant=tenant)
        self._concurrency = concurrency
        self._lease_ms = lease_ms
        self._grace_s = grace_s
        self._works: dict[str, Work] = {}
        self._held: dict[str, Task] = {}
        self._ready: asyncio.Queue[Task] = asyncio.Queue()
        self._outgoing: dict[str, deque[dict[str, Any]]] = {kind: deque() for kind in _FINISH}
        self._bell = asyncio.Event()
        self._free = asyncio.Event()
        self._stopping = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._poll_ms = _POLL_MS
        self._loop: asyncio.AbstractEventLoop | None = None

    def talk_through(self, url: str, key: str, transport: Any = None, *, tenant: str = "") -> None:
        """Work for another server, or through another transport of httpx2."""
        self._place = (url, key, tenant, transport)

    def task(self, queue: str, *, level: int | None = None) -> Callable[[Function], Function]:
        """Register a function for a queue, at one level or all; the function stays callable as it was."""

        def register(function: Function) -> Function:
            if queue in self._works:
                raise ValueError(f"there is a function for queue {queue} already")
            self._works[queue] = Work(function, queue, level)
            return function

        return register

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then finish what is under way."""
        asyncio.run(self._run_with_signals())

    async def _run_with_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
                loop.add_signal_handler(number, self.stop)
        await self.run_async()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is under way is finished or given back."""
        self._stopping.set()
        self._free.set()

    async def run_async(self) -> None:
        """The same on a loop of one's own, until `stop` is called."""
        if not self._works:
            raise ValueError("the worker has no function to work with")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._transport = AsyncTransport(*self._place)
        runners = [asyncio.create_task(self._runner()) for _ in range(self._concurrency)]
        sender = asyncio.create_task(self._send_all())
        keeper = asyncio.create_task(self._keep())
        claimer = asyncio.create_task(self._claim_all())
        try:
            with ThreadPoolExecutor(self._concurrency, "taskloom-worker") as self._threads:
                stopping = asyncio.create_task(self._stopping.wait())
                await asyncio.wait({claimer, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                if claimer.done():
                    claimer.result()  # what made claiming impossible is the caller's to know
                await self._wind_up(claimer)
        finally:
            for duty in (claimer, keeper, sender, *runners):
                duty.cancel()
            await asyncio.gather(claimer, keeper, sender, *runners, return_exceptions=True)
            await self._transport.close()

    async def drain(self) -> None:
        """Do what is ready now and return: for tests, and for jobs that run once."""
        self._poll_ms = 0
        self._stopping.clear()
        try:
            await self.run_async()
        finally:
            self._poll_ms = _POLL_MS

    async def _wind_up(self, claimer: "asyncio.Task[None]") -> None:
        """Let functions finish within the grace, give the rest back, send what is to be told."""
        claimer.cancel()
        await asyncio.gather(claimer, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s):
                while self._held:
                    self._free.clear()
                    await self._free.wait()
        for task in list(self._held.values()):
            self._tell("release", task)
            task.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s):
                await self._quiet.wait()

    # Claiming ------------------------------------------------------------------------------------------

    async def _claim_all(self) -> None:
        pause_s = 0.0
        while not self._stopping.is_set():
            room = self._concurrency - len(self._held)
            if room <= 0:
                self._free.clear()
                await self._free.wait()
                continue
            try:
                tasks = await self._claim(room)
                pause_s = 0.0
            except (UnauthorizedError, ForbiddenError):
                raise
            except TaskloomError as error:
                pause_s = min(pause_s + _PAUSE_S, 10 * _PAUSE_S)
                log.warning("claiming failed, again in %.0f s: %s", pause_s, error)
                await asyncio.sleep(pause_s)
                continue
            if not tasks and not self._poll_ms and not self._held:
                return
            for task in tasks:
                self._held[task.key] = task
                self._ready.put_nowait(task)
            if not tasks and not self._poll_ms:
                self._free.clear()
                await self._free.wait()

    async def _claim(self, room: int) -> list[Task]:
        queues = [
            {"queue": work.queue} if work.level is None else {"queue": work.queue, "level": work.level}
            for work in self._works.values()
        ]
        asked = {
            "queues": queues,
            "size": min(room, _AT_ONCE),
            "worker": self.name,
            "lease_ms": self._lease_ms,
            "wait_ms": self._poll_ms,
        }
        call = Call("POST", "/api/v1/tasks/claim", encode(asked), wait_s=self._poll_ms / 1000)
        body = await self._transport.call(call, tries=1)
        return [Task(one, self._report) for one in msgspec.json.decode(body, type=ClaimedTasks).items]

    # Working -------------------------------------------------------------------------------------------

    async def _runner(self) -> None:
        """One of as many as tasks may be held: does one after another."""
        me = asyncio.current_task()
        while True:
            task = await self._ready.get()
            if task.cancelled:
                self._done(task)
                continue
            task.runner = me
            try:
                await self._do(task)
            except asyncio.CancelledError:
                if me is None or not task.was_stopped():
                    raise
                me.uncancel()
            finally:
                task.runner = None
                self._done(task)

    async def _do(self, task: Task) -> None:
        try:
            result = await self._works[task.queue].run(task, self._threads)
        except asyncio.CancelledError:
            raise
        except Retry as again:
            self._tell("fail", task, code="retry", message=str(again), backoff_ms=int(again.after_s * 1000))
        except RateLimited as limited:
            await self._pause(task, limited)
        except Fatal as fatal:
            self._tell("fail", task, code=fatal.code, message=str(fatal), final=True)
        except Exception as error:
            log.exception("the function for queue %s failed", task.queue)
            message = f"{type(error).__name__}: {error}"[:10_000]
            self._tell("fail", task, code=type(error).__name__[:256], message=message)
        else:
            self._complete(task, result)

    def _complete(self, task: Task, result: Any) -> None:
        if task.cancelled:
            return
        if isinstance(result, Reply) and not 200 <= result.status_code < 300:
            text = msgspec.json.encode(result.body).decode()[:10_000]
            self._tell("fail", task, code=f"status_{result.status_code}", message=text, final=True)
            return
        if isinstance(result, Reply) or task.is_asked:
            reply = result if isinstance(result, Reply) else Reply(200, result)
            result = {"status_code": reply.status_code, "body": reply.body}
        try:
            raw = msgspec.Raw(encode(result))
        except (TypeError, ValueError) as error:
            self._tell("fail", task, code="result_not_json", message=str(error)[:10_000], final=True)
            return
        self._tell("complete", task, result=raw)

    async def _pause(self, task: Task, limited: RateLimited) -> None:
        """Give the task back, and let nothing of its queue out until upstream takes more."""
        body = encode({"seconds": max(1, int(limited.retry_after_s + 0.999))})
        with contextlib.suppress(TaskloomError):
            await self._transport.call(Call("POST", f"/api/v1/queues/{task.queue}/pause", body))
        self._tell("release", task)

    def _done(self, task: Task) -> None:
        self._held.pop(task.key, None)
        self._free.set()

    # Telling -------------------------------------------------------------------------------------------

    def _tell(self, kind: str, task: Task, **says: Any) -> None:
        item = {"key": task.key, "lease_token": task.lease_token, "worker": self.name, **says}
        self._outgoing[kind].append(item)
        self._quiet.clear()
        self._bell.set()

    def _report(self, task: Task, data: Any) -> None:
        """From whichever thread: a report goes out in its turn, before the outcome of its task."""
        raw = msgspec.Raw(encode(data))
        number = task.next_number()
        assert self._loop is not None, "a task is handed out by a running worker"
        if threading.get_ident() == self._thread:
            self._tell("progress", task, number=number, data=raw)
        else:
            self._loop.call_soon_threadsafe(lambda: self._tell("progress", task, number=number, data=raw))

    async def _send_all(self) -> None:
        """Whatever is to be told, as much as there is, one request of a kind after another; no timer."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            # All of it at one instant: what is told meanwhile must not overtake the reports that precede it.
            told = {kind: list(line) for kind, line in self._outgoing.items()}
            for line in self._outgoing.values():
                line.clear()
            for kind in ("progress", "complete", "fail", "release"):
                items = told[kind]
                for start in range(0, len(items), _AT_ONCE):
                    await self._send(kind, items[start : start + _AT_ONCE])
            if not any(self._outgoing.values()):
                self._quiet.set()

    async def _send(self, kind: str, items: list[dict[str, Any]]) -> None:
        """Until it is answered: the same outcome of the same attempt counts once, however often it comes."""
        body = encode({"items": items})
        while True:
            try:
                answer = await self._transport.call(Call("POST", f"/api/v1/tasks/{kind}", body))
                break
            except TaskloomError as error:
                if 400 <= error.status < 500 and error.status != 429:
                    log.warning("%d items of %s are refused: %s", len(items), kind, error)
                    return
                log.warning("telling the server failed, again: %s", error)
                await asyncio.sleep(_PAUSE_S)
        self._hear(msgspec.json.decode(answer, type=Outcomes))

    def _hear(self, outcomes: Outcomes) -> None:
        """Stop what nobody wants any more, or what another worker has."""
        for item in outcomes.items:
            lost = item.error is not None and item.error.code in ("stale_lease", "already_final", "not_found")
            task = self._held.get(item.key)
            if task is not None and (item.cancelled or lost):
                log.info("task %s is stopped: %s", item.key, item.error.code if item.error else "cancelled")
                task.stop()

    async def _keep(self) -> None:
        """Renew the leases of all that is held."""
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            held = list(self._held.values())
            for start in range(0, len(held), _AT_ONCE):
                items = [
                    {
                        "key": task.key,
                        "lease_token": task.lease_token,
                        "worker": self.name,
                        "lease_ms": self._lease_ms,
                    }
                    for task in held[start : start + _AT_ONCE]
                ]
                call = Call("POST", "/api/v1/tasks/extend", encode({"items": items}))
                try:
                    answer = await self._transport.call(call, tries=1)
                except TaskloomError as error:
                    log.warning("leases could not be renewed: %s", error)
                    continue
                self._hear(msgspec.json.decode(answer, type=Outcomes))
