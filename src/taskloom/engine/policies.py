"""Policies of queues as whoever makes tasks needs them: at hand, and at most some seconds old."""

from msgspec import msgpack

from taskloom.core.commands import Create
from taskloom.core.limits import POLICIES_CACHED, POLICY_FRESH_MS
from taskloom.core.queue_policy import NO_POLICY, QUEUE_POLICY, QueuePolicy, with_policy
from taskloom.core.records import RecordChange
from taskloom.ports.clock import Clock
from taskloom.ports.store import Store


class Policies:
    """Reads the records of policies; remembers them for `POLICY_FRESH_MS`, also that there is none."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[int, QueuePolicy]] = {}

    async def of(self, tenant: str, queue: str) -> QueuePolicy:
        """The policy of a queue."""
        now = self._clock.monotonic_ms()
        found = self._known.get((tenant, queue))
        if found is not None and found[0] > now:
            return found[1]
        record = await self._store.record(QUEUE_POLICY, tenant, queue)
        policy = NO_POLICY if record is None else decoded(record.body)
        if len(self._known) >= POLICIES_CACHED:
            self._known.clear()
        self._known[(tenant, queue)] = (now + POLICY_FRESH_MS, policy)
        return policy

    async def applied(self, create: Create) -> Create:
        """The creation with what its queue's policy adds."""
        policy = await self.of(create.tenant, create.queue)
        return create if policy is NO_POLICY else with_policy(create, policy, self._clock.now_ms())

    def forget(self, tenant: str, queue: str) -> None:
        """It was changed here; other servers find out when what they remember is too old."""
        self._known.pop((tenant, queue), None)


def decoded(body: bytes) -> QueuePolicy:
    """The policy of a record."""
    return msgpack.decode(body, type=QueuePolicy)


def change(tenant: str, queue: str, policy: QueuePolicy | None) -> RecordChange:
    """The change of the record that sets a policy, or (None) takes it away."""
    body = None if policy is None else msgpack.encode(policy)
    return RecordChange(QUEUE_POLICY, tenant, queue, body)
