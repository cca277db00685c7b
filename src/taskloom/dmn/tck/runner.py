"""Runs the cases of the kit on a model."""

from collections.abc import Iterator

import msgspec

from taskloom.dmn.engine import DecisionModel, UnknownElementError
from taskloom.dmn.tck.cases import ResultNode, TestCase, TestFile
from taskloom.dmn.tck.compare import agrees
from taskloom.dmn.trace import Outcome
from taskloom.feel import DEFAULT_ENVIRONMENT, Environment, Value


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
    tests: TestFile, model: DecisionModel, environment: Environment = DEFAULT_ENVIRONMENT
) -> Iterator[CaseResult]:
    """A verdict for every result node of every case."""
    for case in tests.cases:
        yield from run_case(case, model, environment)


def run_case(case: TestCase, model: DecisionModel, environment: Environment) -> Iterator[CaseResult]:
    """A verdict for every result node; a case without one is no case."""
    for node in case.results:
        try:
            outcome = _evaluate(case, node, model, environment)
        except UnknownElementError as error:
            yield CaseResult(case.id, node.name, False, node.expected, None, (str(error),))
            continue
        notes = (
            *(fault.message for fault in outcome.faults),
            *(warning.message for warning in outcome.warnings),
            *(() if outcome.failure is None else (outcome.failure.message,)),
        )
        value = _picked(case, node, model, outcome.value)
        passed = agrees(node.expected, value)
        yield CaseResult(case.id, node.name, passed, node.expected, value, notes)


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
