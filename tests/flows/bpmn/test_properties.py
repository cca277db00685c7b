"""Whatever happens on the way, in whatever order, a process reaches its end and loses nothing."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from samples.processes import row_of_tasks
from taskloom.flows.bpmn.effects import CancelJob, CreateJob, ResumeJob, SuspendJob
from taskloom.flows.bpmn.events import (
    ElementActivated,
    ElementCompleted,
    ElementTerminated,
    IncidentCreated,
    IncidentResolved,
)
from taskloom.flows.bpmn.state import InstanceState
from taskloom.flows.bpmn.triggers import (
    Cancel,
    ErrorThrown,
    JobCompleted,
    JobFailed,
    Proceed,
    Refused,
    ResolveIncident,
    RetriesUpdated,
    SetVariables,
)

NO_SUCH_KEY = 7

names = st.sampled_from(["a", "b", "c"])
values = st.sampled_from([b"1", b"null", b'"x"', b'{"k": [1]}'])
variables = st.dictionaries(names, values, max_size=3)
picks = st.integers(0, 9)
"""Which of the open jobs, incidents or scopes is meant; one pick in each row means none of them."""

triggers = st.one_of(
    st.builds(JobCompleted, picks, variables),
    st.builds(JobFailed, picks, st.integers(-1, 3), st.text(max_size=5), variables),
    st.builds(ErrorThrown, picks, st.text(max_size=3), st.text(max_size=3), variables),
    st.builds(RetriesUpdated, picks, st.integers(1, 3)),
    st.builds(ResolveIncident, picks),
    st.builds(SetVariables, picks, variables, st.booleans()),
    st.just(Proceed()),
)


def aimed(driver, trigger):
    """The trigger at one of the things that exist now, or at one that does not."""
    if isinstance(trigger, Proceed):
        return trigger
    if isinstance(trigger, ResolveIncident):
        known, field = driver.instance.incidents, "incident"
    elif isinstance(trigger, SetVariables):
        known, field = driver.instance.scopes, "element_instance"
    else:
        known, field = driver.instance.jobs, "job"
    targets = [*known, NO_SUCH_KEY]
    return msgspec.structs.replace(trigger, **{field: targets[getattr(trigger, field) % len(targets)]})


def check_books(driver):
    """Every begun element is still active or has ended once; every incident and job likewise."""
    begun = [event.key for event in driver.happened(ElementActivated)]
    ended = [event.key for event in [*driver.happened(ElementCompleted), *driver.happened(ElementTerminated)]]
    active = [key for key in driver.instance.scopes if key != driver.instance.key]
    assert sorted(begun) == sorted(ended + active)
    opened = [event.key for event in driver.happened(IncidentCreated)]
    closed = [event.key for event in driver.happened(IncidentResolved)]
    assert sorted(opened) == sorted(closed + list(driver.instance.incidents))
    assert {job.element_instance for job in driver.instance.jobs.values()} <= set(active)
    for key, scope in driver.instance.scopes.items():
        assert scope.incident == 0 or driver.instance.incidents[scope.incident].element_instance == key
        assert scope.job == 0 or driver.instance.jobs[scope.job].element_instance == key
    for effect in driver.effects:
        if isinstance(effect, SuspendJob | ResumeJob | CancelJob):
            assert effect.key in {job.key for job in driver.created_jobs()}


def work_off(driver):
    """What good workers and a patient operator do: at most one trigger of each kind per job."""
    for _ in range(200):
        if driver.instance.state is not InstanceState.ACTIVE:
            return
        if driver.instance.moves:
            driver.react(Proceed())
        for incident in list(driver.instance.incidents.values()):
            driver.react(RetriesUpdated(incident.job, 1))
            assert not isinstance(driver.react(ResolveIncident(incident.key)), Refused)
        for job in list(driver.instance.jobs):
            assert not isinstance(driver.react(JobCompleted(job)), Refused)
    raise AssertionError("the instance does not end")


@settings(max_examples=150, deadline=None)
@given(count=st.integers(0, 6), moves_max=st.integers(1, 5), tried=st.lists(triggers, max_size=40))
def test_any_row_reaches_its_end_after_any_triggers(begin, count, moves_max, tried):
    driver = begin(document=row_of_tasks(count), moves_max=moves_max)
    for trigger in tried:
        before = driver.instance
        if isinstance(driver.react(aimed(driver, trigger)), Refused):
            assert driver.instance is before
        check_books(driver)
    work_off(driver)

    assert driver.instance.state is InstanceState.COMPLETED
    check_books(driver)
    completed = [event.element for event in driver.happened(ElementCompleted)]
    assert completed == ["start", *(f"task_{number}" for number in range(1, count + 1)), "end"]
    assert len([effect for effect in driver.effects if isinstance(effect, CreateJob)]) == count


@settings(max_examples=100, deadline=None)
@given(moves_max=st.integers(1, 5), tried=st.lists(triggers, max_size=20))
def test_any_instance_can_be_cancelled_at_any_moment(begin, moves_max, tried):
    driver = begin(document=row_of_tasks(4), moves_max=moves_max)
    for trigger in tried:
        driver.react(aimed(driver, trigger))
    driver.react(Cancel())
    while driver.instance.state is InstanceState.TERMINATING:
        driver.react(Proceed())

    assert driver.instance.state in {InstanceState.TERMINATED, InstanceState.COMPLETED}
    assert (driver.instance.jobs, driver.instance.incidents, driver.instance.moves) == ({}, {}, ())
    check_books(driver)


@settings(max_examples=50, deadline=None)
@given(tried=st.lists(triggers, max_size=30))
def test_the_same_triggers_give_the_same_events_and_the_same_state(begin, tried):
    first, second = (begin(document=row_of_tasks(3)) for _ in range(2))
    for driver in (first, second):
        for trigger in tried:
            driver.react(aimed(driver, trigger))
    assert (first.events, first.effects, first.instance) == (second.events, second.effects, second.instance)
