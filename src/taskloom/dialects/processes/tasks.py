"""Tasks as jobs: where in which process a task belongs, also one that was born in another dialect."""

import msgspec

from taskloom.flows.bpmn.job_tasks import JobAttributes

_decode = msgspec.json.Decoder(JobAttributes).decode


def attributes_of(key: int, attributes: bytes) -> JobAttributes:
    """What is known of a job; a task that no process made stands for itself."""
    try:
        return _decode(attributes)
    except msgspec.ValidationError:
        own = str(key)
        return JobAttributes("task", 1, own, "task", own, {})
