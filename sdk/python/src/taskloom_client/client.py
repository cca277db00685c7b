"""Clients: submit tasks, look at them, wait for their results. `Client` blocks, `AsyncClient` does not."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, Self

import msgspec

from taskloom_client import calls
from taskloom_client.errors import WaitTimeoutError
from taskloom_client.transport import AsyncTransport, Transport
from taskloom_client.wire import NewTask, TaskView

_POLL_MS: Final = 20_000
_AT_ONCE: Final = 1_000


class Handle:
    """A task that was submitted through a `Client`."""

    def __init__(self, client: "Client", key: str) -> None:
        self._client = client
        self.key = key

    def get(self) -> TaskView:
        """The task as it is now."""
        return self._client.get(self.key)

    def result(self, timeout_s: float = 600, type: Any = Any) -> Any:  # noqa: A002  the word of msgspec
        """The result once it is there, converted to `type`.

        Raises `TaskFailedError` when the task ends without one and `WaitTimeoutError` when the time is over.
        """
        return calls.result_of(self._client.wait(self.key, timeout_s), type)

    def cancel(self, reason: str = "cancelled") -> None:
        """End it, if it has not ended."""
        self._client.cancel(self.key, reason)


class Client:
    """Blocking client of one server, as one key."""

    def __init__(self, url: str, key: str, *, tenant: str = "", transport: Any = None) -> None:
        self._transport = Transport(url, key, tenant, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def submit(self, queue: str, input: Any = msgspec.UNSET, **options: Any) -> Handle:  # noqa: A002  as on the wire
        """Make a task, once, whatever happens on the way; options are those of `new_task`."""
        return self.submit_many([calls.new_task(queue, input, **options)])[0]

    def submit_many(self, tasks: Sequence[NewTask], *, idempotency_key: str = "") -> list[Handle]:
        """Make tasks, each once. More than 1,000 go in several calls; a key of your own only below that."""
        handles: list[Handle] = []
        for start in range(0, len(tasks), _AT_ONCE):
            body = self._transport.call(calls.create(tasks[start : start + _AT_ONCE], idempotency_key))
            handles += [Handle(self, key) for key in calls.keys_of(body)]
        return handles

    def get(self, key: str) -> TaskView:
        """A task as it is now."""
        return calls.view(self._transport.call(calls.read(key)))

    def wait(self, key: str, timeout_s: float) -> TaskView:
        """A task once it has ended; raises `WaitTimeoutError`."""
        deadline = time.monotonic() + timeout_s
        while True:
            rest_ms = int(1000 * (deadline - time.monotonic()))
            task = calls.view(self._transport.call(calls.read(key, max(0, min(rest_ms, _POLL_MS)))))
            if task.is_final:
                return task
            if rest_ms <= 0:
                raise WaitTimeoutError(f"task {key} is {task.state} after {timeout_s} s")

    def cancel(self, key: str, reason: str = "cancelled") -> None:
        """End a task that is no longer wanted."""
        self._transport.call(calls.cancel(key, reason))

    def tasks(self, **filters: str) -> Iterator[TaskView]:
        """Tasks by queue, state, tenant … page after page."""
        after: str | None = None
        while True:
            page = calls.page(
                self._transport.call(calls.listing({**filters, **({"after": after} if after else {})}))
            )
            yield from page.items
            after = page.next
            if after is None:
                return


class AsyncHandle:
    """A task that was submitted through an `AsyncClient`."""

    def __init__(self, client: "AsyncClient", key: str) -> None:
        self._client = client
        self.key = key

    async def get(self) -> TaskView:
        """The task as it is now."""
        return await self._client.get(self.key)

    async def result(self, timeout_s: float = 600, type: Any = Any) -> Any:  # noqa: A002  as above
        """The result once it is there, converted to `type`; raises as `Handle.result` does."""
        return calls.result_of(await self._client.wait(self.key, timeout_s), type)

    async def cancel(self, reason: str = "cancelled") -> None:
        """End it, if it has not ended."""
        await self._client.cancel(self.key, reason)


class AsyncClient:
    """Client of one server, as one key, on an event loop."""

    def __init__(self, url: str, key: str, *, tenant: str = "", transport: Any = None) -> None:
        self._transport = AsyncTransport(url, key, tenant, transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        await self._transport.close()

    async def submit(self, queue: str, input: Any = msgspec.UNSET, **options: Any) -> AsyncHandle:  # noqa: A002
        """Make a task, once, whatever happens on the way; options are those of `new_task`."""
        return (await self.submit_many([calls.new_task(queue, input, **options)]))[0]

    async def submit_many(self, tasks: Sequence[NewTask], *, idempotency_key: str = "") -> list[AsyncHandle]:
        """Make tasks, each once, as `Client.submit_many` does."""
        handles: list[AsyncHandle] = []
        for start in range(0, len(tasks), _AT_ONCE):
            body = await self._transport.call(calls.create(tasks[start : start + _AT_ONCE], idempotency_key))
            handles += [AsyncHandle(self, key) for key in calls.keys_of(body)]
        return handles

    async def get(self, key: str) -> TaskView:
        """A task as it is now."""
        return calls.view(await self._transport.call(calls.read(key)))

    async def wait(self, key: str, timeout_s: float) -> TaskView:
        """A task once it has ended; raises `WaitTimeoutError`."""
        deadline = time.monotonic() + timeout_s
        while True:
            rest_ms = int(1000 * (deadline - time.monotonic()))
            body = await self._transport.call(calls.read(key, max(0, min(rest_ms, _POLL_MS))))
            task = calls.view(body)
            if task.is_final:
                return task
            if rest_ms <= 0:
                raise WaitTimeoutError(f"task {key} is {task.state} after {timeout_s} s")

    async def cancel(self, key: str, reason: str = "cancelled") -> None:
        """End a task that is no longer wanted."""
        await self._transport.call(calls.cancel(key, reason))

    async def tasks(self, **filters: str) -> AsyncIterator[TaskView]:
        """Tasks by queue, state, tenant … page after page."""
        after: str | None = None
        while True:
            query = {**filters, **({"after": after} if after else {})}
            page = calls.page(await self._transport.call(calls.listing(query)))
            for task in page.items:
                yield task
            after = page.next
            if after is None:
                return
