"""Compiles the linked models: types first, then the shapes of all values, then functions and decisions."""

from taskloom.dmn.boxed import compile_expression, compile_function
from taskloom.dmn.cells import cell_of
from taskloom.dmn.graph import Graph, Key, Link, Severity
from taskloom.dmn.index import ColumnIndex
from taskloom.dmn.model import (
    Decision,
    DecisionService,
    Definitions,
    InputData,
    KnowledgeModel,
    Node,
)
from taskloom.dmn.place import Place
from taskloom.dmn.program import Allows, Program, compiled_decision, service_function
from taskloom.dmn.scopes import fill_functions, name_table, plan_of
from taskloom.dmn.shape import shape_of
from taskloom.dmn.texts import Complain, Texts
from taskloom.dmn.trace import DmnRun
from taskloom.dmn.types import TypeTable
from taskloom.feel import (
    ANY,
    Dialect,
    Environment,
    EvaluationEnded,
    FeelType,
    FunctionType,
    Limits,
    NameTable,
    Run,
    Value,
)

_CONSTRAINT_LIMITS = Limits(steps=10_000)


def build(graph: Graph, dialect: Dialect) -> Program:
    """The program for the linked models; problems are added to the graph's."""
    return _Builder(graph, dialect).build()


class _Builder:
    def __init__(self, graph: Graph, dialect: Dialect) -> None:
        self._graph = graph
        self._texts = {namespace: Texts(dialect, {}) for namespace in graph.models}
        self._types = TypeTable(graph, self._compile_constraint)
        self._program = Program(graph, dialect)
        self._shapes: dict[Key, NameTable | None] = {}
        self._scopes: dict[Key, dict[str, Value]] = {}

    def build(self) -> Program:
        for namespace, model in self._graph.models.items():
            self._texts[namespace].types.update(self._types.of_model(model))
        for key in self._keys(InputData):
            kind = self._variable_type(key)
            self._program.input_types[key] = kind
            self._shapes[key] = self._types.members(kind)
        decisions = self._graph.order(self._keys(Decision))
        for key in decisions:
            self._shapes[key] = self._decision_shape(key)
        for key in self._keys(KnowledgeModel):
            self._program.functions[key] = self._knowledge_function(key)
        for key in decisions:
            self._compile_decision(key)
        for key in self._keys(DecisionService):
            kind = self._variable_type(key)
            result = kind.result if isinstance(kind, FunctionType) else kind
            self._program.functions[key] = service_function(self._program, key, result)
        for key, scope in self._scopes.items():
            fill_functions(self._graph, self._graph.links[key].knowledge, self._program.functions, scope)
        return self._program

    def _keys(self, kind: type[Node]) -> list[Key]:
        return [key for key, node in self._graph.nodes.items() if isinstance(node, kind)]

    def _variable_type(self, key: Key) -> FeelType:
        variable = self._graph.nodes[key].variable
        return self._types.of_reference(self._graph.homes[key], variable.type_ref, variable.line)

    def _complain(self, key: Key) -> Complain:
        return lambda message, line: self._graph.complain(key, message, line)

    def _place(self, key: Key, links: tuple[Link, ...]) -> Place:
        model = self._graph.homes[key]
        texts = self._texts[model.namespace]
        names = name_table(self._graph, links, self._shapes, tuple(texts.types))
        return Place(model, texts, self._types, names, self._complain(key))

    def _links(self, key: Key) -> tuple[Link, ...]:
        links = self._graph.links[key]
        return (*links.inputs, *links.decisions, *links.knowledge)

    def _decision_shape(self, key: Key) -> NameTable | None:
        declared = self._types.members(self._variable_type(key))
        node = self._graph.nodes[key]
        if declared is not None or not isinstance(node, Decision) or node.expression is None:
            return declared
        return shape_of(node.expression, self._place(key, self._links(key)))

    def _compile_decision(self, key: Key) -> None:
        node = self._graph.nodes[key]
        assert isinstance(node, Decision)
        links = self._graph.links[key]
        code = None
        if node.expression is None:
            self._graph.complain(key, "the decision has no logic", node.line, Severity.WARNING)
        else:
            code = compile_expression(node.expression, self._place(key, self._links(key)))
        plan = plan_of(self._graph, (*links.inputs, *links.decisions), self._scopes.setdefault(key, {}))
        kind = self._variable_type(key)
        logic = "" if node.expression is None else type(node.expression).__name__
        self._program.decisions[key] = compiled_decision(code, plan, kind, node.line, logic)

    def _knowledge_function(self, key: Key) -> Value:
        """The function of a knowledge model; it knows itself, so that it may be recursive."""
        node = self._graph.nodes[key]
        assert isinstance(node, KnowledgeModel)
        if node.logic is None:
            self._graph.complain(key, "the knowledge model has no logic", node.line)
            return None
        place = self._place(key, self._links(key)).knowing(dict.fromkeys(node.exposed))
        scope = self._scopes.setdefault(key, {})
        make = compile_function(node.logic, place, self._function_kind(key), node.name)
        function = make(Run(), scope)
        scope.update(dict.fromkeys(node.exposed, function))
        return function

    def _function_kind(self, key: Key) -> FeelType:
        """The type of a knowledge model's variable; one that is no function type is that of the result."""
        kind = self._variable_type(key)
        if kind is ANY or isinstance(kind, FunctionType):
            return kind
        node = self._graph.nodes[key]
        parameters = node.logic.parameters if isinstance(node, KnowledgeModel) and node.logic else ()
        return FunctionType((ANY,) * len(parameters), kind)

    def _compile_constraint(self, model: Definitions, text: str, line: int) -> Allows:
        """Whether a value passes the unary tests of an item definition."""

        def complain(message: str, line: int) -> None:
            self._graph.complain_model(model, message, line)

        texts = self._texts[model.namespace]
        tests = texts.tests(text, NameTable(), line, complain)
        cell = cell_of(tests.tree)
        index = None if cell is None else ColumnIndex({0: cell})

        def allows(value: Value) -> bool:
            found = None if index is None else index.rules_for(value)
            if found is not None:
                return bool(found)
            run = DmnRun(Environment(limits=_CONSTRAINT_LIMITS))
            try:
                return tests.code(run, {}, value) is True
            except (EvaluationEnded, RecursionError):
                return False

        return allows
