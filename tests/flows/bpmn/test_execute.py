"""A row of service tasks: tokens move, jobs are offered, variables flow, the instance ends."""

import msgspec
import pytest

from samples.processes import BPMN, ServiceTask, process_xml, row_of_tasks
from taskloom.flows.bpmn.effects import CancelJob, CreateJob, ProceedLater
from taskloom.flows.bpmn.events import (
    ElementActivated,
    ElementCompleted,
    ElementTerminated,
    IncidentResolved,
    InstanceCompleted,
    InstanceCreated,
    InstanceTerminated,
    SequenceFlowTaken,
    VariableCreated,
    VariableUpdated,
)
from taskloom.flows.bpmn.state import InstanceState
from taskloom.flows.bpmn.triggers import (
    Cancel,
    JobCompleted,
    JobFailed,
    Proceed,
    Reason,
    Refused,
    SetVariables,
)
from taskloom.flows.bpmn.variables import variables_of

FORK = f"""<definitions xmlns="{BPMN}" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d">
<process id="fork" isExecutable="true">
 <startEvent id="start"/>
 <serviceTask id="a"><extensionElements><zeebe:taskDefinition type="a"/></extensionElements></serviceTask>
 <serviceTask id="b"><extensionElements><zeebe:taskDefinition type="b"/></extensionElements></serviceTask>
 <endEvent id="end"/>
 <sequenceFlow id="f1" sourceRef="start" targetRef="a"/>
 <sequenceFlow id="f2" sourceRef="start" targetRef="b"/>
 <sequenceFlow id="f3" sourceRef="a" targetRef="end"/>
</process></definitions>""".encode()


def test_a_new_instance_waits_at_its_first_task_with_a_job_for_its_worker(begin):
    driver = begin(ServiceTask(id="charge", type="charge-card", retries="5", headers={"currency": "EUR"}))

    assert driver.active() == ["charge"]
    (job,) = driver.created_jobs()
    assert (job.type, job.retries, job.headers, job.element) == (
        "charge-card",
        5,
        {"currency": "EUR"},
        "charge",
    )
    assert driver.instance.jobs[job.key].element_instance == job.element_instance


def test_each_completion_moves_the_token_on_until_the_instance_is_complete(begin):
    driver = begin(document=row_of_tasks(3))

    for number in (1, 2, 3):
        assert driver.active() == [f"task_{number}"]
        driver.complete(f"task_{number}")

    assert driver.instance.state is InstanceState.COMPLETED
    assert driver.active() == []
    assert [job.type for job in driver.created_jobs()] == ["work_1", "work_2", "work_3"]


def test_events_tell_the_whole_way_in_order(begin):
    driver = begin(document=row_of_tasks(1))
    driver.complete("task_1")

    assert [type(event) for event in driver.events] == [
        InstanceCreated,
        ElementActivated,
        ElementCompleted,
        SequenceFlowTaken,
        ElementActivated,
        ElementCompleted,
        SequenceFlowTaken,
        ElementActivated,
        ElementCompleted,
        InstanceCompleted,
    ]
    assert [event.flow for event in driver.happened(SequenceFlowTaken)] == [
        "start_to_task_1",
        "task_1_to_end",
    ]
    assert [event.kind for event in driver.happened(ElementActivated)] == [
        "START_EVENT",
        "SERVICE_TASK",
        "END_EVENT",
    ]


def test_a_process_without_tasks_completes_at_once(begin):
    driver = begin()
    assert driver.instance.state is InstanceState.COMPLETED


def test_several_ways_out_are_all_taken_and_the_instance_waits_for_every_path(begin):
    driver = begin(document=FORK)
    assert driver.active() == ["a", "b"]

    driver.complete("a")
    assert driver.instance.state is InstanceState.ACTIVE

    driver.complete("b")
    assert driver.instance.state is InstanceState.COMPLETED


def test_a_result_without_output_mappings_moves_up_to_the_instance(begin):
    driver = begin(document=row_of_tasks(2), amount=1)
    driver.complete("task_1", amount=2, receipt="r1")

    assert driver.variables() == {"amount": 2, "receipt": "r1"}
    assert [event.name for event in driver.happened(VariableUpdated)] == ["amount"]
    assert [event.name for event in driver.happened(VariableCreated)] == ["amount", "receipt"]


def test_a_value_that_stays_the_same_is_no_event(begin):
    driver = begin(document=row_of_tasks(2), amount=1)
    driver.complete("task_1", amount=1)
    assert driver.happened(VariableUpdated) == []


@pytest.mark.parametrize("raw", [b'{ "b" : 1,  "a":2.50 }', b"1e2", b'"\\u00e9"', b"12345678901234567890.10"])
def test_untouched_values_are_kept_byte_for_byte(begin, raw):
    driver = begin(document=row_of_tasks(2), kept=raw)
    driver.complete("task_1")
    assert driver.instance.scopes[driver.instance.key].variables["kept"] == raw


def test_a_job_sees_only_the_variables_it_asks_for(begin):
    driver = begin(document=row_of_tasks(1), a=1, b=[2], c=None)
    assert driver.sees("task_1") == {"a": 1, "b": [2], "c": None}
    assert driver.sees("task_1", "c", "missing", "a") == {"c": None, "a": 1}


def test_variables_of_a_failed_attempt_stay_with_the_task(begin):
    driver = begin(document=row_of_tasks(2), amount=1)
    driver.react(JobFailed(driver.job("task_1"), 2, "again", {"amount": b"7", "hint": b'"x"'}))

    assert driver.sees("task_1") == {"amount": 7, "hint": "x"}
    assert driver.variables() == {"amount": 1}
    assert driver.instance.incidents == {}


def test_a_result_goes_to_the_nearest_scope_that_has_the_variable(begin):
    driver = begin(document=row_of_tasks(2), amount=1)
    driver.react(JobFailed(driver.job("task_1"), 2, "again", {"amount": b"7"}))
    driver.complete("task_1", amount=8, other=9)
    assert driver.variables() == {"amount": 1, "other": 9}


def test_variables_can_be_set_on_a_scope_or_upward_from_it(begin):
    driver = begin(document=row_of_tasks(1), amount=1)
    task = driver.instance.jobs[driver.job("task_1")].element_instance

    driver.react(SetVariables(task, {"amount": b"2", "new": b"3"}))
    assert driver.variables() == {"amount": 2, "new": 3}

    driver.react(SetVariables(task, {"amount": b"4"}, is_local=True))
    assert driver.variables() == {"amount": 2, "new": 3}
    assert driver.sees("task_1") == {"amount": 4, "new": 3}
    assert driver.react(SetVariables(999, {})) == Refused(Reason.SCOPE_UNKNOWN, 999)


def test_cancelling_ends_every_element_takes_jobs_back_and_closes_incidents(begin):
    driver = begin(document=FORK)
    driver.react(JobFailed(driver.job("a"), 0, "broken"))
    jobs = set(driver.instance.jobs)
    driver.react(Cancel())

    assert driver.instance.state is InstanceState.TERMINATED
    assert [event.element for event in driver.happened(ElementTerminated)] == ["b", "a"]
    assert {effect.key for effect in driver.effects if isinstance(effect, CancelJob)} == jobs
    assert len(driver.happened(IncidentResolved)) == 1
    assert (driver.instance.jobs, driver.instance.incidents) == ({}, {})
    assert isinstance(driver.events[-1], InstanceTerminated)


@pytest.mark.parametrize("trigger", [Cancel(), JobCompleted(1), Proceed(), SetVariables(1, {})])
def test_an_ended_instance_refuses_everything(begin, trigger):
    driver = begin()
    assert driver.react(trigger) == Refused(Reason.INSTANCE_ENDED, driver.instance.key)


def test_a_job_is_completed_once(begin):
    driver = begin(document=row_of_tasks(2))
    job = driver.job("task_1")
    driver.react(JobCompleted(job))
    assert driver.react(JobCompleted(job)) == Refused(Reason.JOB_UNKNOWN, job)
    assert driver.react(JobFailed(job, 1)) == Refused(Reason.JOB_UNKNOWN, job)


def test_work_beyond_the_budget_goes_on_in_the_next_reaction(begin):
    driver = begin(document=row_of_tasks(1), moves_max=1)
    assert isinstance(driver.effects[-1], ProceedLater)

    reactions = 1
    while driver.instance.moves:
        driver.react(Proceed())
        reactions += 1

    assert driver.active() == ["task_1"]
    assert reactions == 3
    assert [type(effect) for effect in driver.effects if not isinstance(effect, ProceedLater)] == [CreateJob]


def test_cancelling_many_elements_is_spread_over_reactions_and_stops_the_jobs_meanwhile(begin):
    driver = begin(document=FORK, moves_max=4)
    while driver.instance.moves:
        driver.react(Proceed())
    job = driver.job("b")
    driver.moment = type(driver.moment)(0, driver.moment.new_key, 1)
    driver.react(Cancel())

    assert driver.instance.state is InstanceState.TERMINATING
    assert driver.react(JobCompleted(job)) == Refused(Reason.INSTANCE_ENDED, driver.instance.key)
    while driver.instance.state is InstanceState.TERMINATING:
        driver.react(Proceed())
    assert driver.instance.state is InstanceState.TERMINATED


@pytest.mark.parametrize(
    ("payload", "variables"),
    [
        (b"", {}),
        (b" null ", {}),
        (b"{}", {}),
        (b' {"a": [1, 2] ,"b":{"c": 1.0}}', {"a": b"[1, 2]", "b": b'{"c": 1.0}'}),
        (b'"text"', {"result": b'"text"'}),
        (b"[1]\n", {"result": b"[1]"}),
        (b"0", {"result": b"0"}),
    ],
)
def test_any_result_becomes_variables(payload, variables):
    assert variables_of(payload) == variables


def test_an_instance_keeps_no_more_than_it_needs_when_it_is_stored(begin):
    driver = begin(document=row_of_tasks(1), a=1)
    assert len(msgspec.msgpack.encode(driver.instance)) < 300


def test_names_and_headers_reach_the_job_as_written(begin):
    task = ServiceTask(
        id="t", type='a"<&>é', name="Käse & Brot", headers={"k<": "v\n2", "": "x", "empty": ""}
    )
    driver = begin(document=process_xml([task]))
    (job,) = driver.created_jobs()
    assert (job.type, dict(job.headers)) == ('a"<&>é', {"k<": "v\n2"})
    assert driver.happened(ElementActivated)[1].name == "Käse & Brot"
