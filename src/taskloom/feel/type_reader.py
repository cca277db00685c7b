"""Reads type expressions: `list<number>`, `context<a: string>`, `function<date> -> Any`, names of a model."""

import re
from typing import Final

from taskloom.feel.dialect import Dialect
from taskloom.feel.name_reader import NameReader
from taskloom.feel.names import IDENTIFIER, match_name
from taskloom.feel.type_system import (
    ANY,
    BUILT_IN,
    CAMUNDA,
    CONTEXT,
    FUNCTION,
    LIST,
    RANGE,
    ContextType,
    FeelType,
    FunctionType,
    ListType,
    NamedType,
    RangeType,
)

_BUILT_IN: Final = tuple(sorted(BUILT_IN, key=len, reverse=True))
_CAMUNDA: Final = tuple(sorted({**BUILT_IN, **CAMUNDA}, key=len, reverse=True))
_QUALIFIED: Final = re.compile(rf"{IDENTIFIER.pattern}(?:\.{IDENTIFIER.pattern})*")
_DEPTH_MAX: Final = 20


class TypeReader(NameReader):
    """A reader of names that also reads types."""

    __slots__ = ()

    def read_type(self) -> FeelType:
        """A type expression, which must come next."""
        return self._type(0)

    def _type(self, depth: int) -> FeelType:
        if depth > _DEPTH_MAX:
            raise self.error(f"The type is nested deeper than {_DEPTH_MAX} levels")
        self.skip()
        name = self._longest_type(self.table.types)
        if name is not None and name not in BUILT_IN:
            return NamedType(name)
        name = name or self._longest_type(_CAMUNDA if self.dialect is Dialect.CAMUNDA else _BUILT_IN)
        if name is None:
            return self._reference()
        if name in ("list", "context", "range", "function"):
            return self._parametrised(name, depth)
        return BUILT_IN.get(name) or CAMUNDA[name]

    def _longest_type(self, names: tuple[str, ...]) -> str | None:
        for name in names:
            end = match_name(self.text, self.position, name)
            if end is not None:
                self.position = end
                return name
        return None

    def _reference(self) -> FeelType:
        match = _QUALIFIED.match(self.text, self.position)
        if match is None:
            raise self.error(f"Expected a type, found {self.found()}")
        if match.group().startswith("feel."):
            self.position += len("feel.")
            return self._type(_DEPTH_MAX)
        self.position = match.end()
        return NamedType(match.group())

    def _parametrised(self, name: str, depth: int) -> FeelType:
        if not self.take("<"):
            return {"list": LIST, "context": CONTEXT, "range": RANGE, "function": FUNCTION}[name]
        if name == "context":
            return self._context_type(depth)
        if name == "function":
            return self._function_type(depth)
        item = self._type(depth + 1)
        self.expect(">")
        return ListType(item) if name == "list" else RangeType(item)

    def _context_type(self, depth: int) -> FeelType:
        entries: list[tuple[str, FeelType]] = []
        while True:
            name = self.read_declared(lambda: self.peek() == ":")
            self.expect(":")
            entries.append((name, self._type(depth + 1)))
            if not self.take(","):
                break
        self.expect(">")
        return ContextType(tuple(entries))

    def _function_type(self, depth: int) -> FeelType:
        parameters: list[FeelType] = []
        while not self.take(">"):
            if parameters:
                self.expect(",")
            parameters.append(self._type(depth + 1))
        result = self._type(depth + 1) if self.take("->") else ANY
        return FunctionType(tuple(parameters), result)
