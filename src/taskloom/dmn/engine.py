"""A DMN model ready to run: compiled once, evaluated any number of times, from any thread."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from taskloom.dmn.build import build
from taskloom.dmn.graph import Graph, Key, Problem, Severity
from taskloom.dmn.json_inputs import as_declared
from taskloom.dmn.model import Decision, DecisionService, Definitions, KnowledgeModel, Node
from taskloom.dmn.parse import parse_dmn
from taskloom.dmn.place import fitted
from taskloom.dmn.program import Values, run_decisions, run_service, service_parameters
from taskloom.dmn.trace import DmnRun, Outcome
from taskloom.feel import (
    ANY,
    DEFAULT_ENVIRONMENT,
    NO_SPAN,
    Dialect,
    Environment,
    EvaluationEnded,
    Failure,
    FailureCode,
    FeelType,
    Value,
    call_named,
)

Inputs = Mapping[str, Value]
Qualified = Mapping[tuple[str, str], Value]


class UnknownElementError(LookupError):
    """The model has no element of that name and kind."""


class DecisionModel:
    """A compiled model with those it imports.

    Elements are asked for by name or id. Inputs are FEEL values by name; those of an imported model may
    also be given within a context under the name of the import, or in `qualified` by (namespace, name).
    Inputs that no element of the model declares are visible to all decisions, as in Camunda, where input data
    need not be drawn.
    """

    def __init__(self, graph: Graph, dialect: Dialect) -> None:
        self._graph = graph
        self._program = build(graph, dialect)
        self._names: dict[tuple[str, type[Node]], Key] = {}
        self._declared = frozenset(
            name
            for node in graph.nodes.values()
            for name in (*node.exposed, node.name)
            if not isinstance(node, Decision) or node.expression is not None
        )
        self.problems: tuple[Problem, ...] = tuple(graph.problems)

    @property
    def definitions(self) -> Definitions:
        """The main model as written."""
        return self._graph.main

    def names(self, kind: type[Node] = Decision) -> tuple[str, ...]:
        """The names of the main model's decisions, or of its elements of another kind."""
        nodes, homes = self._graph.nodes, self._graph.homes
        return tuple(
            node.name
            for key, node in nodes.items()
            if isinstance(node, kind) and homes[key] is self._graph.main
        )

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid a deployment."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    def decision(
        self,
        name: str,
        inputs: Inputs,
        environment: Environment = DEFAULT_ENVIRONMENT,
        *,
        qualified: Qualified | None = None,
        traces: bool = True,
    ) -> Outcome:
        """The value of a decision."""
        key = self._key(name, Decision)
        order = self._program.order((key,))

        def value(run: DmnRun) -> Value:
            values: Values = {
                needed: self._input(run, needed, inputs, qualified)
                for needed in self._program.inputs_of(order)
            }
            run_decisions(self._program, run, order, values, self._around(inputs))
            return values[key]

        return self._outcome(value, environment, traces)

    def service(
        self,
        name: str,
        inputs: Inputs,
        environment: Environment = DEFAULT_ENVIRONMENT,
        *,
        qualified: Qualified | None = None,
        traces: bool = True,
    ) -> Outcome:
        """The value of a decision service: of its output decision, or a context of several."""
        key = self._key(name, DecisionService)
        given = frozenset(link.key for link in self._graph.links[key].decisions)

        def value(run: DmnRun) -> Value:
            values: Values = {
                link.key: self._input(run, link.key, inputs, qualified)
                for link in service_parameters(self._program, key)
            }
            return run_service(self._program, run, key, values, given)

        return self._outcome(value, environment, traces)

    def knowledge_model(
        self,
        name: str,
        arguments: Inputs,
        environment: Environment = DEFAULT_ENVIRONMENT,
        *,
        traces: bool = True,
    ) -> Outcome:
        """What a knowledge model gives for arguments by name."""
        function = self._program.functions[self._key(name, KnowledgeModel)]
        names, values = tuple(arguments), list(arguments.values())
        return self._outcome(
            lambda run: call_named(run, NO_SPAN, function, names, values), environment, traces
        )

    def output_names(self, service: str) -> tuple[str, ...]:
        """The names of a service's output decisions."""
        links = self._graph.links[self._key(service, DecisionService)]
        return tuple(self._graph.nodes[link.key].variable.name for link in links.outputs)

    def inputs_from_json(self, inputs: Inputs) -> dict[str, Value]:
        """The inputs with texts read as dates, times and durations where the declared types ask for them."""
        kinds = {
            name: kind
            for key, kind in self._program.input_types.items()
            for name in (self._graph.nodes[key].name, self._graph.nodes[key].variable.name)
        }
        return {name: as_declared(value, kinds.get(name, ANY)) for name, value in inputs.items()}

    def _key(self, name: str, kind: type[Node]) -> Key:
        key = self._names.get((name, kind))
        if key is None:
            found = self._graph.by_name(name, kind)
            if found is None:
                raise UnknownElementError(f"the model has no {_KIND_WORDS[kind]} '{name}'")
            key = self._names[name, kind] = found
        return key

    def _around(self, inputs: Inputs) -> Inputs:
        """The inputs that no element of the model declares."""
        declared = self._declared
        if all(name in declared for name in inputs):
            return _NOTHING
        return {name: value for name, value in inputs.items() if name not in declared}

    def _input(self, run: DmnRun, key: Key, inputs: Inputs, qualified: Qualified | None) -> Value:
        """What was given for an input data or input decision, as its type wants it."""
        node, home = self._graph.nodes[key], self._graph.homes[key]
        value = _given(node, inputs)
        if home is not self._graph.main:
            value = _first(
                (qualified or {}).get((home.namespace, node.name)),
                *(
                    _given(node, nested)
                    for item in self._graph.main.imports
                    if item.namespace == home.namespace and isinstance(nested := inputs.get(item.name), dict)
                ),
                value,
            )
        elif qualified and value is None:
            value = qualified.get((home.namespace, node.name))
        kind = self._kind(key)
        if kind is ANY or value is None:
            return value
        run.element = node.name
        return fitted(run, value, kind, node.line, f"the input '{node.name}'")

    def _kind(self, key: Key) -> FeelType:
        kind = self._program.input_types.get(key)
        return self._program.decisions[key].kind if kind is None else kind

    def _outcome(
        self, value_of: Callable[[DmnRun], Value], environment: Environment, traces: bool
    ) -> Outcome:
        """Runs it; a passed limit becomes a failure, and nothing is raised."""
        run = DmnRun(environment, camunda=self._program.dialect is Dialect.CAMUNDA, traces=traces)
        value: Value = None
        failure: Failure | None = None
        try:
            value = value_of(run)
        except EvaluationEnded as ended:
            failure = ended.failure
        except RecursionError:
            failure = Failure(FailureCode.LIMIT, "The evaluation is nested too deeply.")
        return Outcome(value, tuple(run.decisions), tuple(run.faults), tuple(run.warnings), failure)


def _given(node: Node, inputs: Inputs) -> Value:
    """The input under the name of the variable, else under that of the element."""
    return inputs[node.variable.name] if node.variable.name in inputs else inputs.get(node.name)


def _first(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def compile_model(
    main: bytes | Definitions,
    library: Iterable[bytes | Definitions] = (),
    dialect: Dialect = Dialect.DMN,
) -> DecisionModel:
    """Compiles a model; the library holds the models it may import. `DmnError` when the XML is no DMN.

    Problems inside the model do not raise: they stand in `problems`, and what they touch gives null.
    """
    parsed = [item if isinstance(item, Definitions) else parse_dmn(item) for item in (main, *library)]
    return DecisionModel(Graph(parsed[0], parsed[1:]), dialect)


_NOTHING: Final[Inputs] = {}
_KIND_WORDS: Final[dict[type[Node], str]] = {
    Decision: "decision",
    DecisionService: "decision service",
    KnowledgeModel: "knowledge model",
}
