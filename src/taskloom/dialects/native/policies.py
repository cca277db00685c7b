"""The policy of a queue: read, set, taken away. It holds for tasks made from then on."""

from typing import Final

import msgspec

from taskloom.core.limits import QUEUE_NAME_LENGTH
from taskloom.core.queue_policy import NO_POLICY, QueuePolicy
from taskloom.core.records import PutRecords
from taskloom.core.rejections import Rejection
from taskloom.core.retry import RetryPolicy
from taskloom.dialects.native import outcomes
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.wire_life import Policy
from taskloom.dialects.native.wire_tasks import Retry
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.engine import policies

_NO_QUEUE: Final = Refusal(404, "not_found", "no queue can be called so")


async def read(request: Request) -> Reply:
    """The policy of a queue as it is; one without any has nothing in it."""
    queue = request.parameters["queue"]
    if len(queue) > QUEUE_NAME_LENGTH:
        return _NO_QUEUE
    request.engine.policies.forget(request.tenant, queue)
    return _answer(await request.engine.policies.of(request.tenant, queue))


async def put(request: Request) -> Reply:
    """Set the policy, whole."""
    queue = request.parameters["queue"]
    if len(queue) > QUEUE_NAME_LENGTH:
        return _NO_QUEUE
    wanted = body_as(Policy, request.body)
    if isinstance(wanted, Refusal):
        return wanted
    policy = QueuePolicy(wanted.start_ms, wanted.run_ms, retry_of(wanted.retry))
    return await _changed(request, queue, None if policy == NO_POLICY else policy) or _answer(policy)


async def remove(request: Request) -> Reply:
    """Take the policy away."""
    return await _changed(request, request.parameters["queue"], None) or Response(204)


async def _changed(request: Request, queue: str, policy: QueuePolicy | None) -> Refusal | None:
    change = policies.change(request.tenant, queue, policy)
    outcome = await request.engine.submit(PutRecords((change,)))
    if isinstance(outcome, Rejection):
        return outcomes.refused(outcome)
    request.engine.policies.forget(request.tenant, queue)
    return None


def retry_of(wanted: Retry | None) -> RetryPolicy | None:
    """The policy of retries that the wire describes."""
    if wanted is None:
        return None
    return RetryPolicy(
        wanted.max_retries, wanted.first_pause_ms, wanted.longest_pause_ms, tuple(wanted.final_codes)
    )


def _answer(policy: QueuePolicy) -> Response:
    retry = policy.retry
    # Encoded from a mapping, it is shown whole, also where it says what is the default.
    shown = retry and {
        "max_retries": retry.retries,
        "first_pause_ms": retry.first_ms,
        "longest_pause_ms": retry.max_ms,
        "final_codes": retry.final_codes,
    }
    body = {"start_ms": policy.start_ms, "run_ms": policy.run_ms, "retry": shown}
    return Response(body=msgspec.json.encode(body))
