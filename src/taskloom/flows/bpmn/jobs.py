"""What the fate of a job means for the element that waits for it."""

from collections.abc import Sequence

from taskloom.flows.bpmn.run import Failure, Run
from taskloom.flows.bpmn.state import IncidentKind, Job
from taskloom.flows.bpmn.triggers import (
    ErrorThrown,
    JobCompleted,
    JobFailed,
    JobLost,
    JobResumed,
    Reason,
    Refused,
    RetriesUpdated,
)

NO_RETRIES = "No more retries left."


def complete(run: Run, trigger: JobCompleted) -> Refused | None:
    """The result is local while output mappings pick from it; without any, all of it moves up."""
    job = _open_job(run, trigger.job)
    if isinstance(job, Refused):
        return job
    key = job.element_instance
    run.finish_job(job)
    if run.element(run.scopes[key]).outputs:
        run.set_local(key, trigger.variables)
    else:
        run.propagate(key, trigger.variables)
    run.complete_later(key)
    return None


def fail(run: Run, trigger: JobFailed) -> Refused | None:
    """The variables stay with the task for its next attempt; without retries a person must act."""
    job = _open_job(run, trigger.job)
    if isinstance(job, Refused):
        return job
    run.set_retries(job, trigger.retries)
    run.set_local(job.element_instance, trigger.variables)
    if trigger.retries <= 0:
        message = trigger.message or NO_RETRIES
        run.stop(job.element_instance, Failure(IncidentKind.JOB_NO_RETRIES, message), job.key)
    return None


def throw_error(run: Run, trigger: ErrorThrown) -> Refused | None:
    """No element type can catch an error so far: a person must act."""
    job = _open_job(run, trigger.job)
    if isinstance(job, Refused):
        return job
    message = _uncaught(trigger, catchable=())
    run.stop(job.element_instance, Failure(IncidentKind.UNHANDLED_ERROR_EVENT, message), job.key)
    return None


def update_retries(run: Run, trigger: RetriesUpdated) -> Refused | None:
    """Also while the job is suspended: this is what makes its incident resolvable."""
    job = run.jobs.get(trigger.job)
    if job is None:
        return Refused(Reason.JOB_UNKNOWN, trigger.job)
    run.set_retries(job, trigger.retries)
    return None


def resume(run: Run, trigger: JobResumed) -> Refused | None:
    """Whoever offers the job again has dealt with its incident."""
    job = run.jobs.get(trigger.job)
    incident = run.scopes[job.element_instance].incident if job is not None else 0
    if job is None or not incident:
        return Refused(Reason.JOB_UNKNOWN, trigger.job)
    run.set_retries(job, trigger.retries)
    run.close_incident(run.incidents[incident])
    return None


def lose(run: Run, trigger: JobLost) -> Refused | None:
    """The element cannot go on without a job: another one takes its place, suspended until a person acts."""
    job = run.jobs.get(trigger.job)
    if job is None:
        return Refused(Reason.JOB_UNKNOWN, trigger.job)
    key = job.element_instance
    if run.scopes[key].incident:
        run.close_incident(run.incidents[run.scopes[key].incident])
    run.finish_job(job)
    definition = run.element(run.scopes[key]).details.job
    assert definition is not None
    run.create_job(key, trigger.type, 0, definition.headers)
    message = trigger.message or NO_RETRIES
    run.stop(key, Failure(IncidentKind.JOB_NO_RETRIES, message), run.scopes[key].job)
    return None


def _open_job(run: Run, key: int) -> Job | Refused:
    job = run.jobs.get(key)
    if job is None:
        return Refused(Reason.JOB_UNKNOWN, key)
    if run.scopes[job.element_instance].incident:
        return Refused(Reason.JOB_SUSPENDED, key)
    return job


def _uncaught(trigger: ErrorThrown, catchable: Sequence[str]) -> str:
    known = f"Available error events are [{', '.join(catchable)}]"
    available = known if catchable else "No error events are available in the scope."
    return (
        f"Expected to throw an error event with the code '{trigger.code}' with message '{trigger.message}', "
        f"but it was not caught. {available}"
    )
