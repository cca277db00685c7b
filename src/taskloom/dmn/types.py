"""Item definitions become FEEL types; type references are looked up here and nowhere else.

A reference names a built-in type, an item definition of the same model, one of an imported model under the
name of the import (`lib.tPerson`), or, when the import has no name, one of that model directly. An unknown
reference is a problem of the model; values under it are not restricted.

A type that contains itself is cut at the inner reference: there the value is checked, but not coerced.
"""

from collections.abc import Callable
from typing import Final

from taskloom.dmn.graph import Graph, Problem, Severity
from taskloom.dmn.model import Definitions, FunctionItem, ItemDefinition
from taskloom.dmn.parse_elements import normalised_name
from taskloom.feel import (
    ANY,
    ConstrainedType,
    ContextType,
    FeelType,
    FunctionType,
    ListType,
    NameTable,
    Value,
    conforms,
)
from taskloom.feel.type_system import BUILT_IN, NUMBER

Allows = Callable[[Value], bool]

DEPTH_MAX: Final = 60
"""How deep item definitions and their components may be nested, references followed."""

PARTS_MAX: Final = 10_000
"""How many parts a type may have, references followed; a few references can stand for millions of parts."""

_OTHER_NAMES: Final[dict[str, FeelType]] = {"integer": NUMBER, "long": NUMBER, "double": NUMBER}
"""What the modelers of Camunda write for numbers."""


class TypeTable:
    """All types of the linked models."""

    def __init__(self, graph: Graph, compile_tests: Callable[[Definitions, str, int], Allows]) -> None:
        self._graph = graph
        self._compile_tests = compile_tests
        self._items = {
            (model.namespace, item.name): item for model in graph.models.values() for item in model.items
        }
        self._ready: dict[tuple[str, str], FeelType] = {}
        self._open: list[tuple[str, str]] = []
        self._parts: dict[tuple[str, str], int] = {}
        self._depth = 0
        self._members: dict[int, tuple[FeelType, NameTable]] = {}
        self._reported: set[tuple[str, str]] = set()

    def of_reference(self, model: Definitions, reference: str | None, line: int = 0) -> FeelType:
        """The type that a reference in that model means; no reference means any."""
        if reference is None or not reference.strip():
            return ANY
        found = self._find(model, normalised_name(reference))
        if found is None:
            self._report(model, reference, line)
            return ANY
        return found

    def of_model(self, model: Definitions) -> dict[str, FeelType]:
        """Every type that FEEL text in that model can name, under the name used there."""
        types = {item.name: self.of_reference(model, item.name) for item in model.items}
        for imported in model.imports:
            other = self._graph.models.get(imported.namespace)
            for item in () if other is None else other.items:
                name = f"{imported.name}.{item.name}" if imported.name else item.name
                types.setdefault(name, self.of_reference(model, name))
        return types

    def _find(self, model: Definitions, name: str) -> FeelType | None:
        plain = name.removeprefix("feel:")
        built_in = BUILT_IN.get(plain) or _OTHER_NAMES.get(plain)
        if built_in is not None:
            return built_in
        target = self._definition(model, name)
        return None if target is None else self._item_type(*target)

    def allowed_values(self, model: Definitions, reference: str | None, component: str = "") -> str | None:
        """The allowed values that a type, or one component of it, lists, references followed."""
        for _ in range(DEPTH_MAX):
            target = None if reference is None else self._definition(model, normalised_name(reference))
            if target is None:
                return None
            model, item = target
            if component and item.components:
                found = next((part for part in item.components if part.name == component), None)
                if found is None:
                    return None
                item, component = found, ""
            if item.allowed_values is not None and not component:
                return item.allowed_values
            reference = item.type_ref
        return None

    def members(self, kind: FeelType) -> NameTable | None:
        """The names that may follow a dot after a value of that type; None when nothing is known."""
        if isinstance(kind, ConstrainedType):
            return self.members(kind.base)
        if isinstance(kind, ListType):
            return self.members(kind.item)
        if not isinstance(kind, ContextType) or not kind.entries:
            return None
        known = self._members.get(id(kind))
        if known is None:
            table = NameTable({name: self.members(part) for name, part in kind.entries})
            known = self._members[id(kind)] = (kind, table)
        return known[1]

    def _definition(self, model: Definitions, name: str) -> tuple[Definitions, ItemDefinition] | None:
        """The item definition that a name means in a model, and the model it stands in."""
        own = self._items.get((model.namespace, name))
        if own is not None:
            return model, own
        for imported in model.imports:
            other = self._graph.models.get(imported.namespace)
            prefix = f"{imported.name}." if imported.name else ""
            if other is None or not name.startswith(prefix):
                continue
            item = self._items.get((other.namespace, name[len(prefix) :]))
            if item is not None:
                return other, item
        return None

    def _item_type(self, model: Definitions, item: ItemDefinition) -> FeelType:
        key = (model.namespace, item.name)
        ready = self._ready.get(key)
        if ready is not None:
            return ready
        if key in self._open:
            return ConstrainedType(item.name, ANY, lambda value: self._conforms_later(key, value))
        self._open.append(key)
        made = self._make(model, item)
        self._open.pop()
        self._ready[key] = made
        return made

    def _conforms_later(self, key: tuple[str, str], value: Value) -> bool:
        known = self._ready.get(key)
        return known is None or conforms(value, known, nulls=True)

    def _make(self, model: Definitions, item: ItemDefinition) -> FeelType:
        if self._depth >= DEPTH_MAX or self._count_parts(model, item, 0) > PARTS_MAX:
            message = f"the type '{item.name}' is nested too deep or too large; it is not checked"
            self._graph.problems.append(Problem(message, item.line, model.name, "", Severity.WARNING))
            return ANY
        self._depth += 1
        made = self._make_within(model, item)
        self._depth -= 1
        return made

    def _make_within(self, model: Definitions, item: ItemDefinition) -> FeelType:
        if item.function is not None:
            made: FeelType = self._function_type(model, item.function)
        elif item.components:
            parts = tuple((part.name, self._make(model, part)) for part in item.components)
            made = ContextType(parts)
        else:
            made = self.of_reference(model, item.type_ref, item.line)
        if item.allowed_values is not None:
            made = self._constrained(model, item, made, item.allowed_values)
        if item.is_collection:
            made = ListType(made)
        if item.type_constraint is not None:
            made = self._constrained(model, item, made, item.type_constraint)
        return made

    def _count_parts(self, model: Definitions, item: ItemDefinition, depth: int) -> int:
        """How many parts the type has when all references are followed; a circle counts once."""
        if depth > DEPTH_MAX:
            return PARTS_MAX + 1
        if item.components:
            return 1 + sum(self._count_parts(model, part, depth + 1) for part in item.components)
        target = None if item.type_ref is None else self._definition(model, normalised_name(item.type_ref))
        if target is None:
            return 1
        key = (target[0].namespace, target[1].name)
        if key not in self._parts:
            self._parts[key] = 1
            self._parts[key] = 1 + self._count_parts(*target, depth + 1)
        return self._parts[key]

    def _constrained(self, model: Definitions, item: ItemDefinition, made: FeelType, tests: str) -> FeelType:
        return ConstrainedType(item.name, made, self._compile_tests(model, tests, item.line))

    def _function_type(self, model: Definitions, item: FunctionItem) -> FunctionType:
        parameters = (self.of_reference(model, part.type_ref, part.line) for part in item.parameters)
        return FunctionType(tuple(parameters), self.of_reference(model, item.output_type_ref, item.line))

    def _report(self, model: Definitions, reference: str, line: int) -> None:
        key = (model.namespace, reference)
        if key not in self._reported:
            self._reported.add(key)
            message = f"the type '{reference}' does not exist"
            self._graph.problems.append(Problem(message, line, model.name, "", Severity.WARNING))
