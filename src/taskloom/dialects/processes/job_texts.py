"""What becomes of a refused command on a job: the one table between core rejections and this wire."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import SUSPENDED, Task
from taskloom.dialects.operation import Refusal
from taskloom.dialects.processes.problem import INVALID_STATE, NOT_FOUND, rejected, unexpected


class Verb(Struct, frozen=True):
    """A command on a job, by its two names."""

    intent: str
    words: str


COMPLETE = Verb("COMPLETE", "complete")
FAIL = Verb("FAIL", "fail")
THROW_ERROR = Verb("THROW_ERROR", "throw an error for")
UPDATE = Verb("UPDATE", "update")


def no_such_job(verb: Verb, key: int) -> Refusal:
    """The job is not there, not there any more, or somebody else's."""
    reason = f"Expected to {verb.words} job with key '{key}', but no such job was found"
    return rejected(verb.intent, NOT_FOUND, reason)


def refused(verb: Verb, rejection: Rejection) -> Refusal:
    """The answer to a rejection."""
    answer = _ANSWERS.get(rejection.kind)
    return unexpected(rejection) if answer is None else answer(verb, rejection)


def is_thrown(task: Task) -> bool:
    """Whether a suspended job stands at a business error; a failed one has no code."""
    return task.state == SUSPENDED and bool(task.error_code)


def _gone(verb: Verb, rejection: Rejection) -> Refusal:
    return no_such_job(verb, rejection.key)


def _wrong_state(verb: Verb, rejection: Rejection) -> Refusal:
    key = rejection.key
    if verb is UPDATE:
        reason = f"Expected to update the timeout of job with key '{key}', but it is not active"
        return rejected(verb.intent, INVALID_STATE, reason)
    assert rejection.task is not None
    state = "ERROR_THROWN" if is_thrown(rejection.task) else "FAILED"
    reason = f"Expected to {verb.words} job with key '{key}', but it is in state '{state}'"
    return rejected(verb.intent, INVALID_STATE, reason)


def _leased(sentence: str) -> Callable[[Verb, Rejection], Refusal]:
    def answer(verb: Verb, rejection: Rejection) -> Refusal:
        reason = f"Expected to process job with key '{rejection.key}', but {sentence}"
        return rejected(verb.intent, INVALID_STATE, reason)

    return answer


_ANSWERS: Mapping[Kind, Callable[[Verb, Rejection], Refusal]] = {
    Kind.NOT_FOUND: _gone,
    Kind.FINAL: _gone,
    Kind.WRONG_STATE: _wrong_state,
    Kind.NOT_CLAIMED: _wrong_state,
    Kind.NOT_HOLDER: _wrong_state,
    Kind.TOKEN_MISSING: _leased(
        "a matching lease token must be provided because the job is currently leased"
    ),
    Kind.STALE_LEASE: _leased(
        "the supplied lease token does not match. The job may have been re-activated by another worker."
    ),
}
