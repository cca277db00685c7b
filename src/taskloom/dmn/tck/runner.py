"""Runs the cases of the kit on a model."""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from taskloom.dmn.engine import DecisionModel, UnknownElementError
from taskloom.dmn.tck.cases import ResultNode, TestCase, TestFile
from taskloom.dmn.tck.compare import agrees
from taskloom.dmn.trace import Outcome
from taskloom.feel import DEFAULT_ENVIRONMENT, Environment, Value

CASE_SECONDS_MAX: Final = 1.0
"""A case that takes longer has failed, whatever it gives."""


class CaseResult(msgspec.Struct, frozen=True):
    """The verdict on one result node."""

    case: str
    node: str
    passed: bool
    expected: Value
    actual: Value
    notes: tuple[str, ...] = ()

    @property
    def is_value_case(self) -> bool:
        """Whether something other than null must come out, which no stub gives."""
        return self.expected is not None


def run_file(
    tests: TestFile,
    model: DecisionModel,
    environment: Environment = DEFAULT_ENVIRONMENT,
    clock_s: Callable[[], float] | None = None,
) -> Iterator[CaseResult]:
    """A verdict for every result node of every case; with a clock, a slow case fails."""
    for case in tests.cases:
        for node in case.results:
            began_s = clock_s() if clock_s else 0.0
            result = _verdict(case, node, model, environment)
            taken_s = clock_s() - began_s if clock_s else 0.0
            if taken_s > CASE_SECONDS_MAX:
                note = f"it took {taken_s:.1f} s"
                result = CaseResult(case.id, node.name, False, node.expected, result.actual, (note,))
            yield result


def failed_file(tests: TestFile, note: str) -> Iterator[CaseResult]:
    """The verdicts when there is no model to run the cases on: every case fails."""
    for case in tests.cases:
        for node in case.results:
            yield CaseResult(case.id, node.name, False, node.expected, None, (note,))


def _verdict(case: TestCase, node: ResultNode, model: DecisionModel, environment: Environment) -> CaseResult:
    try:
        outcome = _evaluate(case, node, model, environment)
    except UnknownElementError as error:
        return CaseResult(case.id, node.name, False, node.expected, None, (str(error),))
    notes = (
        *(() if outcome.failure is None else (outcome.failure.message,)),
        *(fault.message for fault in outcome.faults),
        *(warning.message for warning in outcome.warnings),
    )
    value = _picked(case, node, model, outcome.value)
    passed = outcome.failure is None and agrees(node.expected, value)
    return CaseResult(case.id, node.name, passed, node.expected, value, notes)


def _evaluate(case: TestCase, node: ResultNode, model: DecisionModel, environment: Environment) -> Outcome:
    inputs = {item.name: item.value for item in case.inputs}
    qualified = {
        (item.namespace, item.name): item.value for item in case.inputs if item.namespace is not None
    }
    if case.kind == "decisionService":
        return model.service(case.invocable or node.name, inputs, environment, qualified=qualified)
    if case.kind == "bkm":
        return model.knowledge_model(case.invocable or node.name, inputs, environment)
    return model.decision(node.name, inputs, environment, qualified=qualified)


def _picked(case: TestCase, node: ResultNode, model: DecisionModel, value: Value) -> Value:
    """Of a service with several outputs, the one that the result node names."""
    if case.kind != "decisionService" or type(value) is not dict:
        return value
    outputs = model.output_names(case.invocable or node.name)
    return value.get(node.name) if len(outputs) > 1 and node.name in outputs else value
