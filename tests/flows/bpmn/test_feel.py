"""FEEL in job types, retries and mappings."""

import pytest

from samples.processes import ServiceTask
from taskloom.flows.bpmn.effects import ProceedLater
from taskloom.flows.bpmn.state import IncidentKind, InstanceState
from taskloom.flows.bpmn.triggers import Proceed
from taskloom.flows.bpmn.variables import variables_of

SLOW = "=count(for i in 1..4000 return i)"
ENDLESS = "=for i in 1..100000 return i"


def test_type_and_retries_are_computed(begin):
    driver = begin(
        ServiceTask(id="t", type='="ship-" + order.kind', retries="=if urgent then 5 else 1"),
        order={"kind": "air"},
        urgent=True,
    )

    (job,) = driver.created_jobs()
    assert (job.type, job.retries) == ("ship-air", 5)


def test_mappings_compute_on_the_way_in_and_out(begin):
    task = ServiceTask(
        id="t",
        type="w",
        inputs=[("=sum(items.price)", "total"), ("=total * 2", "twice"), ("plain", "text")],
        outputs=[("=total + fee", "bill.amount")],
    )
    driver = begin(task, items=[{"price": 1.5}, {"price": 2}])

    assert driver.sees("t", "total", "twice", "text") == {"total": 3.5, "twice": 7, "text": "plain"}
    driver.complete("t", fee=1)
    assert driver.variables()["bill"] == {"amount": 4.5}


def test_a_variable_that_is_only_passed_on_keeps_its_bytes(begin):
    task = ServiceTask(id="t", type="w", inputs=[("=n", "copy")])
    driver = begin(task, n=b"1.500e3")

    (job,) = driver.created_jobs()
    assert driver.instance.scopes[job.element_instance].variables["copy"] == b"1.500e3"


def test_now_is_the_moment_of_the_reaction(begin):
    driver = begin(ServiceTask(id="t", type="w", inputs=[("=string(now())", "at")]))

    assert driver.sees("t", "at")["at"].startswith("2023-11-14T22:13:20")


def test_what_cannot_be_computed_is_null_in_a_mapping(begin):
    driver = begin(ServiceTask(id="t", type="w", inputs=[("=a.b + 1", "x")]))

    assert driver.sees("t", "x") == {"x": None}


def test_warnings_of_a_type_stand_in_the_incident(begin):
    driver = begin(ServiceTask(id="t", type="=order.kind"))

    assert driver.incident().kind is IncidentKind.EXTRACT_VALUE_ERROR
    assert driver.incident().message == (
        "Expected result of the expression 'order.kind' to be 'STRING', but was 'NULL'. "
        "The evaluation reported the following warnings:\n"
        "[NO_VARIABLE_FOUND] No variable found with name 'order'\n"
        "[NO_PROPERTY_FOUND] 'null' has no property 'kind'"
    )


def test_an_expression_beyond_its_steps_stops_the_element(begin):
    driver = begin(ServiceTask(id="t", type="w", inputs=[(ENDLESS, "x")]))

    assert driver.incident().kind is IncidentKind.IO_MAPPING_ERROR
    assert "more than 10000 steps" in driver.incident().message


def test_many_steps_are_spread_over_several_reactions(begin):
    tasks = [ServiceTask(id=f"t{n}", type="w", outputs=[(SLOW, name) for name in "xyz"]) for n in range(3)]
    driver = begin(*tasks)

    spread = 0
    for n in range(3):
        driver.complete(f"t{n}")
        while any(isinstance(effect, ProceedLater) for effect in driver.effects):
            spread += 1
            driver.effects.clear()
            driver.react(Proceed())
    assert spread > 0
    assert driver.instance.state is InstanceState.COMPLETED


@pytest.mark.parametrize(
    ("payload", "variables"),
    [
        (b'{"a": 1, "b" :{"c":2} }', {"a": b"1", "b": b'{"c":2}'}),
        (b"null", {}),
        (b"", {}),
        (b"[1]", {"result": b"[1]"}),
        (b'{"a":"\\ud800"}', {"result": b'{"a":"\\ud800"}'}),
    ],
)
def test_every_result_becomes_variables(payload, variables):
    assert variables_of(payload) == variables
