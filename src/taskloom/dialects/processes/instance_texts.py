"""What becomes of a refused command on a process instance."""

from collections.abc import Callable, Mapping

from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal
from taskloom.dialects.processes.problem import INVALID_STATE, NOT_FOUND, rejected, unexpected
from taskloom.flows.bpmn.triggers import Reason


def no_such_instance(key: int) -> Refusal:
    """Cancelling what is not there, has ended, or is somebody else's."""
    reason = f"Expected to cancel a process instance with key '{key}', but no such process was found"
    return rejected("CANCEL", NOT_FOUND, reason)


def no_such_incident(key: int) -> Refusal:
    """Resolving what is not there, is resolved, or is somebody else's."""
    reason = f"Expected to resolve incident with key '{key}', but no such incident was found"
    return rejected("RESOLVE", NOT_FOUND, reason)


def no_such_scope(key: int) -> Refusal:
    """Writing variables where nothing is active."""
    reason = f"Expected to update variables for element with key '{key}', but no such element was found"
    return rejected("UPDATE", NOT_FOUND, reason)


def no_such_definition(words: str) -> Refusal:
    """Creating an instance of what is not deployed; `words` say how it was named."""
    reason = f"Expected to find process definition {words}, but none found"
    return rejected("CREATE", NOT_FOUND, reason)


def refused(rejection: Rejection, key: int, missing: Callable[[int], Refusal]) -> Refusal:
    """The answer to a rejection of a command on an instance; `missing` says that it was not found."""
    if rejection.code == Reason.JOB_WITHOUT_RETRIES:
        reason = (
            f"Expected to resolve incident with key '{key}', but job with key '{rejection.key}' has no "
            "retries left. Please update the job retries and retry resolving the incident"
        )
        return rejected("RESOLVE", INVALID_STATE, reason)
    if rejection.kind in _MISSING:
        return missing(key)
    return unexpected(rejection)


_MISSING: Mapping[Kind, None] = dict.fromkeys((Kind.NOT_FOUND, Kind.FINAL))
