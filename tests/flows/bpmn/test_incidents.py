"""What stops an element, what the incident says, and what resolving it takes."""

import pytest

from samples.processes import row_of_tasks
from taskloom.flows.bpmn.effects import ResumeJob, SuspendJob
from taskloom.flows.bpmn.events import IncidentCreated, IncidentResolved
from taskloom.flows.bpmn.state import IncidentKind, InstanceState
from taskloom.flows.bpmn.triggers import (
    ErrorThrown,
    JobCompleted,
    JobFailed,
    Reason,
    Refused,
    ResolveIncident,
    RetriesUpdated,
)


def test_a_job_without_retries_stops_its_task_with_the_workers_message(begin):
    driver = begin(document=row_of_tasks(1))
    job = driver.job("task_1")
    driver.react(JobFailed(job, 0, "card refused"))

    incident = driver.incident()
    assert (incident.kind, incident.message, incident.job) == (
        IncidentKind.JOB_NO_RETRIES,
        "card refused",
        job,
    )
    assert driver.effects[-1] == SuspendJob(job)
    (event,) = driver.happened(IncidentCreated)
    assert (event.element, event.job, event.kind) == ("task_1", job, "JOB_NO_RETRIES")


@pytest.mark.parametrize("retries", [0, -1, -(2**31)])
def test_no_message_means_no_more_retries_left(begin, retries):
    driver = begin(document=row_of_tasks(1))
    driver.react(JobFailed(driver.job("task_1"), retries))
    assert driver.incident().message == "No more retries left."


def test_a_job_with_retries_left_is_no_incident(begin):
    driver = begin(document=row_of_tasks(1))
    job = driver.job("task_1")
    driver.react(JobFailed(job, 1, "try again"))
    assert driver.instance.incidents == {}
    assert driver.instance.jobs[job].retries == 1


def test_a_job_incident_is_resolved_only_after_the_job_has_retries_again(begin):
    driver = begin(document=row_of_tasks(1))
    job = driver.job("task_1")
    driver.react(JobFailed(job, 0))
    key = driver.incident().key
    assert driver.react(ResolveIncident(key)) == Refused(Reason.JOB_WITHOUT_RETRIES, job)
    assert driver.react(JobCompleted(job)) == Refused(Reason.JOB_SUSPENDED, job)

    driver.react(RetriesUpdated(job, 3))
    driver.react(ResolveIncident(key))
    assert driver.instance.incidents == {}
    assert driver.effects[-1] == ResumeJob(job)
    assert [event.key for event in driver.happened(IncidentResolved)] == [key]

    driver.react(JobCompleted(job))
    assert driver.instance.state is InstanceState.COMPLETED


def test_an_incident_is_resolved_once(begin):
    driver = begin(document=row_of_tasks(1))
    job = driver.job("task_1")
    driver.react(JobFailed(job, 0))
    key = driver.incident().key
    driver.react(RetriesUpdated(job, 3))
    driver.react(ResolveIncident(key))
    assert driver.react(ResolveIncident(key)) == Refused(Reason.INCIDENT_UNKNOWN, key)


def test_an_error_that_nothing_catches_stops_the_task(begin):
    driver = begin(document=row_of_tasks(1))
    job = driver.job("task_1")
    driver.react(ErrorThrown(job, "NO_FUNDS", "account is empty"))

    incident = driver.incident()
    assert incident.kind is IncidentKind.UNHANDLED_ERROR_EVENT
    assert incident.message == (
        "Expected to throw an error event with the code 'NO_FUNDS' with message 'account is empty', "
        "but it was not caught. No error events are available in the scope."
    )
    assert driver.effects[-1] == SuspendJob(job)


def test_an_error_incident_needs_no_new_retries(begin):
    driver = begin(document=row_of_tasks(1))
    job = driver.job("task_1")
    driver.react(ErrorThrown(job, "X"))
    driver.react(ResolveIncident(driver.incident().key))
    assert driver.effects[-1] == ResumeJob(job)
    assert driver.react(ErrorThrown(job, "X")) != Refused(Reason.JOB_SUSPENDED, job)


def test_a_message_is_cut_at_ten_thousand_characters(begin):
    driver = begin(document=row_of_tasks(1))
    driver.react(JobFailed(driver.job("task_1"), 0, "x" * 20_000))
    assert driver.incident().message == "x" * 10_000


def test_an_unknown_incident_cannot_be_resolved(begin):
    driver = begin(document=row_of_tasks(1))
    assert driver.react(ResolveIncident(5)) == Refused(Reason.INCIDENT_UNKNOWN, 5)
    assert driver.react(RetriesUpdated(5, 1)) == Refused(Reason.JOB_UNKNOWN, 5)
    assert driver.react(ErrorThrown(5, "x")) == Refused(Reason.JOB_UNKNOWN, 5)


def test_too_many_active_elements_stop_new_tokens_until_there_is_room(begin, monkeypatch):
    monkeypatch.setattr("taskloom.flows.bpmn.execute.ACTIVE_ELEMENTS_MAX", 1)
    driver = begin(document=row_of_tasks(1))
    incident = driver.incident()
    assert incident.kind is IncidentKind.UNKNOWN
    assert incident.message == "The process instance has more than 1 active elements"

    monkeypatch.undo()
    driver.react(ResolveIncident(incident.key))
    assert driver.active() == ["task_1"]
