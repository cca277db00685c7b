"""What a model is compiled to, and how its decisions run.

Each decision is evaluated at most once per evaluation, after its requirements. A decision service has an
evaluation of its own, with nothing but its arguments.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from taskloom.dmn.graph import Graph, Key, Link
from taskloom.dmn.place import fitted, quick_types
from taskloom.dmn.scopes import ScopePlan
from taskloom.dmn.texts import Code
from taskloom.dmn.trace import DecisionRecord, DmnRun, fault
from taskloom.feel import ANY, Dialect, FeelType, Function, Run, Value

Values = dict[Key, Value]
Allows = Callable[[Value], bool]

ORDERS_MAX: Final = 200
"""For how many questions the order of decisions is remembered; each may be as long as the model."""

NOTHING: Final[Mapping[str, Value]] = {}


class CompiledDecision(msgspec.Struct, frozen=True):
    """The logic of a decision, None when it has none; how to build its scope; the type of its value."""

    code: Code | None
    plan: ScopePlan
    kind: FeelType
    quick: frozenset[type]
    line: int
    logic: str


class Program(msgspec.Struct, frozen=True):
    """All models of a graph, compiled."""

    graph: Graph
    dialect: Dialect
    input_types: dict[Key, FeelType] = {}
    decisions: dict[Key, CompiledDecision] = {}
    functions: dict[Key, Value] = {}
    orders: dict[tuple[tuple[Key, ...], frozenset[Key]], tuple[Key, ...]] = {}

    def order(self, wanted: tuple[Key, ...], given: frozenset[Key] = frozenset()) -> tuple[Key, ...]:
        """The decisions to run, requirements first; remembered for the questions asked last."""
        known = self.orders.get((wanted, given))
        if known is None:
            if len(self.orders) >= ORDERS_MAX:
                self.orders.clear()
            known = self.orders[wanted, given] = tuple(self.graph.order(wanted, given))
        return known

    def inputs_of(self, order: Iterable[Key]) -> tuple[Key, ...]:
        """The input data that these decisions require."""
        found = {link.key: None for key in order for link in self.graph.links[key].inputs}
        return tuple(found)


def run_decisions(
    program: Program,
    run: DmnRun,
    order: Iterable[Key],
    values: Values,
    around: Mapping[str, Value] = NOTHING,
) -> None:
    """Evaluates the decisions and adds their values to `values`; `around` is visible to all of them."""
    for key in order:
        values[key] = _decide(program, run, key, values, around)


def _decide(program: Program, run: DmnRun, key: Key, values: Values, around: Mapping[str, Value]) -> Value:
    node, decision = program.graph.nodes[key], program.decisions[key]
    before, outer = len(run.tables), run.element
    run.element = node.name
    run.steps_left -= 1
    if key in program.graph.cyclic:
        value = fault(run, "cycle", "the decision requires itself", node.line)
    elif decision.code is None:
        value = _given(run, node.name, around, node.line)
    else:
        value = decision.code(run, decision.plan.scope(around, values))
    if decision.kind is not ANY and type(value) not in decision.quick:
        value = fitted(run, value, decision.kind, decision.line)
    run.element = outer
    if run.traces:
        tables = tuple(run.tables[before:])
        del run.tables[before:]
        home = program.graph.homes[key]
        run.decided(DecisionRecord(node.id, node.name, home.name, decision.logic, value, tables))
    return value


def _given(run: DmnRun, name: str, around: Mapping[str, Value], line: int) -> Value:
    """A decision without logic has the value that was handed in under its name."""
    return around[name] if name in around else fault(run, "no_logic", "the decision has no logic", line)


def service_parameters(program: Program, key: Key) -> tuple[Link, ...]:
    """What a service takes, in the order of its parameters: input data first, then input decisions."""
    links = program.graph.links[key]
    return (*links.inputs, *links.decisions)


def service_function(program: Program, key: Key, kind: FeelType) -> Function:
    """The function that a decision service is."""
    links, nodes = service_parameters(program, key), program.graph.nodes
    types = tuple(_parameter_type(program, link.key) for link in links)
    given = frozenset(link.key for link in program.graph.links[key].decisions)

    def body(run: Run, *arguments: Value) -> Value:
        assert isinstance(run, DmnRun), "functions of a model run within an evaluation of the model"
        values = dict(zip((link.key for link in links), arguments, strict=True))
        return run_service(program, run, key, values, given)

    return Function(
        tuple(nodes[link.key].variable.name for link in links),
        body,
        types=types if any(own is not None for own in types) else (),
        result_type=None if kind is ANY else kind,
        name=nodes[key].name,
    )


def _parameter_type(program: Program, key: Key) -> FeelType | None:
    kind = program.decisions[key].kind if key in program.decisions else program.input_types[key]
    return None if kind is ANY else kind


def run_service(program: Program, run: DmnRun, key: Key, values: Values, given: frozenset[Key]) -> Value:
    """The value of a service: that of its only output decision, or a context of several by their names."""
    outputs = tuple(link.key for link in program.graph.links[key].outputs)
    run_decisions(program, run, program.order(outputs, given), values)
    if len(outputs) == 1:
        return values.get(outputs[0])
    return {program.graph.nodes[output].variable.name: values.get(output) for output in outputs}


def compiled_decision(
    code: Code | None, plan: ScopePlan, kind: FeelType, line: int, logic: str
) -> CompiledDecision:
    """A decision, with the types whose values need no closer look."""
    return CompiledDecision(code, plan, kind, quick_types(kind), line, logic)
