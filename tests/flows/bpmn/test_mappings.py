"""Input and output mappings, and values that come from variables."""

import msgspec
import pytest

from samples.processes import ServiceTask
from taskloom.flows.bpmn.mappings import put_leaf
from taskloom.flows.bpmn.state import IncidentKind, InstanceState
from taskloom.flows.bpmn.triggers import ResolveIncident, SetVariables


def task(name: str = "t", **fields: object) -> ServiceTask:
    return ServiceTask(id=name, type="work", **fields)


def test_an_input_mapping_makes_a_variable_that_only_the_task_sees(begin):
    driver = begin(task(inputs=[("= amount", "sum")]), task("next"), amount=b"12.50")
    assert driver.sees("t") == {"amount": 12.5, "sum": 12.5}
    driver.complete("t")
    assert driver.sees("next") == {"amount": 12.5}


def test_a_mapped_variable_is_copied_byte_for_byte(begin):
    raw = b'{ "deep" : [1.0, 2e3] }'
    driver = begin(task(inputs=[("=order", "copy")]), order=raw)
    key = driver.instance.jobs[driver.job("t")].element_instance
    assert driver.instance.scopes[key].variables == {"copy": raw}


def test_a_text_without_an_equals_sign_is_a_string_and_an_empty_one_is_null(begin):
    driver = begin(task(inputs=[("EUR", "currency"), ("7", "number"), ("", "nothing"), ("=missing", "gone")]))
    assert driver.sees("t") == {"currency": "EUR", "number": "7", "nothing": None, "gone": None}


def test_a_dotted_input_target_builds_a_new_object(begin):
    mapping = [("=a", "order.sum"), ("b", "order.unit.name")]
    driver = begin(task(inputs=mapping), a=1, order={"old": True})
    assert driver.sees("t", "order") == {"order": {"sum": 1, "unit": {"name": "b"}}}
    assert driver.variables()["order"] == {"old": True}


def test_a_mapping_sees_the_targets_of_those_before_it(begin):
    driver = begin(task(inputs=[("=a", "b"), ("=b", "c")]), a=1, b=2)
    assert driver.sees("t", "c") == {"c": 1}


def test_with_output_mappings_only_mapped_variables_leave_the_task(begin):
    driver = begin(task(outputs=[("=receipt", "proof")]), task("next"), amount=1)
    driver.complete("t", receipt="r1", amount=99)
    assert driver.sees("next") == {"amount": 1, "proof": "r1"}


def test_a_dotted_output_target_changes_one_leaf_and_keeps_the_rest(begin):
    mapping = [("=sum", "order.sum"), ("=sum", "order.paid.sum"), ("x", "fresh.a")]
    driver = begin(task(outputs=mapping), task("next"), order={"id": 7, "sum": 1, "paid": {"by": "card"}})
    driver.complete("t", sum=5)
    assert driver.sees("next") == {
        "order": {"id": 7, "sum": 5, "paid": {"by": "card", "sum": 5}},
        "fresh": {"a": "x"},
    }


def test_an_output_passes_by_a_local_variable_of_the_same_name(begin):
    driver = begin(task(inputs=[("=a", "a")], outputs=[("=result", "a")]), task("next"), a=1)
    driver.complete("t", result=2)
    assert driver.sees("next") == {"a": 2}


def test_a_result_without_output_mappings_stops_at_a_local_variable_of_the_same_name(begin):
    driver = begin(task(inputs=[("=a", "a")]), task("next"), a=1)
    driver.complete("t", a=2, b=3)
    assert driver.sees("next") == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        (b"null", ["a"], b'{"a":1}'),
        (b"[1]", ["a", "b"], b'{"a":{"b":1}}'),
        (b' {"a": {"x":  2.0}, "z": 1e5}', ["a", "b"], b'{"a":{"x":2.0,"b":1},"z":1e5}'),
        (b'{"a": "text"}', ["a", "b"], b'{"a":{"b":1}}'),
    ],
)
def test_what_is_no_object_on_the_way_to_a_leaf_becomes_one(document, path, expected):
    assert put_leaf(document, path, b"1") == expected


def test_type_and_retries_may_come_from_variables(begin):
    driver = begin(ServiceTask(id="t", type="=kind", retries="= tries"), kind="paint", tries=7.0)
    (job,) = driver.created_jobs()
    assert (job.type, job.retries) == ("paint", 7)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"5", "Expected result of the expression 'kind' to be 'STRING', but was 'NUMBER'."),
        (b"null", "Expected result of the expression 'kind' to be 'STRING', but was 'NULL'."),
        (b'["x"]', "Expected result of the expression 'kind' to be 'STRING', but was 'ARRAY'."),
        (b'""', "Expected the job type to have 1 to 256 characters, but it has 0"),
    ],
)
def test_a_type_that_is_no_text_stops_the_task(begin, value, message):
    driver = begin(ServiceTask(id="t", type="=kind"), kind=value)
    assert (driver.incident().kind, driver.incident().message) == (IncidentKind.EXTRACT_VALUE_ERROR, message)
    assert driver.created_jobs() == []


@pytest.mark.parametrize("value", b'1.5 "3" true -1 2147483648 1e300 1e999 -1e-999 null {}'.split())
def test_retries_that_are_no_count_stop_the_task(begin, value):
    driver = begin(ServiceTask(id="t", type="w", retries="=tries"), tries=value)
    assert driver.incident().kind is IncidentKind.EXTRACT_VALUE_ERROR
    assert driver.created_jobs() == []


def test_a_missing_variable_is_named_in_the_incident(begin):
    driver = begin(ServiceTask(id="t", type="=kind"))
    assert driver.incident().message == (
        "Expected result of the expression 'kind' to be 'STRING', but was 'NULL'. "
        "The evaluation reported the following warnings:\n"
        "[NO_VARIABLE_FOUND] No variable found with name 'kind'"
    )


def test_resolving_repeats_the_step_and_a_step_that_still_fails_is_a_new_incident(begin):
    driver = begin(ServiceTask(id="t", type="=kind", inputs=[("=a", "b")]))
    first = driver.incident().key
    driver.react(ResolveIncident(first))
    second = driver.incident().key
    assert second != first

    driver.react(SetVariables(driver.instance.key, {"kind": msgspec.json.encode("w"), "a": b"1"}))
    driver.react(ResolveIncident(second))
    assert driver.sees("t", "b") == {"b": 1}
    driver.complete("t")
    assert driver.instance.state is InstanceState.COMPLETED
