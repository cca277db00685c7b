"""Compiling and evaluating: text or tree in, a callable that never raises out."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from typing import Literal as OneOf

import msgspec

from taskloom.feel import closure_forms, closure_operators, codegen_forms, codegen_operators
from taskloom.feel.closures import ClosureCompiler, Frame
from taskloom.feel.codegen import Generator
from taskloom.feel.diagnostics import (
    EvaluationEnded,
    Failure,
    FailureCode,
    FeelSyntaxError,
    FeelWarning,
    Position,
    limit_passed,
)
from taskloom.feel.dialect import Dialect
from taskloom.feel.fold import fold
from taskloom.feel.limits import CACHE_ENTRIES, DEFAULT_LIMITS, HOT_AFTER, Limits
from taskloom.feel.names import NameTable
from taskloom.feel.nodes import Expr, UnaryTests
from taskloom.feel.parser import Names, parse, parse_unary_tests
from taskloom.feel.run import DEFAULT_ENVIRONMENT, Environment, Run
from taskloom.feel.type_system import FeelType
from taskloom.feel.values import Scope, Value

Mode = OneOf["closure", "generated"]
Code = Callable[[Run, Scope, Value], Value]

_TOO_DEEP: Final = "The evaluation is nested too deeply."
_BACK_ENDS = (closure_forms, closure_operators, codegen_forms, codegen_operators)


class Result(msgspec.Struct, frozen=True):
    """A value, why parts of it became null, and the failure that ended the evaluation early, if any."""

    value: Value
    warnings: tuple[FeelWarning, ...] = ()
    failure: Failure | None = None


class Compiled:
    """An expression or unary tests, ready to run any number of times and in any thread."""

    __slots__ = ("_camunda", "_reads_input", "code", "dialect", "expr", "types")

    def __init__(self, expr: Expr, code: Code, dialect: Dialect, types: Mapping[str, FeelType]) -> None:
        self.expr = expr
        self.code = code
        self.dialect = dialect
        self.types = types
        self._camunda = dialect is Dialect.CAMUNDA
        self._reads_input = isinstance(expr, UnaryTests)

    def generated(self) -> "Compiled":
        """The same with generated code, or itself where that is not possible."""
        code = _generated(self.expr, self.dialect, self.types)
        return self if code is None else Compiled(self.expr, code, self.dialect, self.types)

    def evaluate(self, scope: Scope, env: Environment = DEFAULT_ENVIRONMENT) -> Result:
        """The value for these variables; it never raises. Unary tests read their input from `?`."""
        run = Run(env, camunda=self._camunda)
        try:
            value = self.code(run, scope, scope.get("?") if self._reads_input else None)
        except EvaluationEnded as ended:
            return Result(None, tuple(run.warnings), ended.failure)
        except RecursionError:
            failure = Failure(FailureCode.LIMIT, _TOO_DEEP)
            return Result(None, tuple(run.warnings), failure)
        return Result(value, tuple(run.warnings)) if run.warnings else Result(value)

    def value(self, run: Run, scope: Scope) -> Value:
        """The value within a run that several expressions share; raises `EvaluationEnded` at a limit."""
        try:
            return self.code(run, scope, None)
        except RecursionError:
            raise limit_passed(_TOO_DEEP) from None

    def matches(self, run: Run, scope: Scope, value: Value) -> bool:
        """Whether unary tests accept an input, within a shared run; null is no match."""
        try:
            return self.code(run, scope, value) is True
        except RecursionError:
            raise limit_passed(_TOO_DEEP) from None


def compile_expression(
    source: Expr | str,
    names: Names = (),
    dialect: Dialect = Dialect.DMN,
    *,
    types: Mapping[str, FeelType] | None = None,
    mode: Mode = "closure",
    limits: Limits = DEFAULT_LIMITS,
) -> Compiled:
    """Compiles a text or a tree; `types` are what type names of a model stand for."""
    expr = parse(source, names, dialect, limits=limits) if isinstance(source, str) else source
    return _compiled(expr, dialect, types or {}, mode)


def compile_unary_tests(
    source: Expr | str,
    names: Names = (),
    dialect: Dialect = Dialect.DMN,
    *,
    types: Mapping[str, FeelType] | None = None,
    mode: Mode = "closure",
    limits: Limits = DEFAULT_LIMITS,
) -> Compiled:
    """Compiles the unary tests of a table's input entry; use `Compiled.matches`."""
    expr = parse_unary_tests(source, names, dialect, limits=limits) if isinstance(source, str) else source
    return _compiled(expr, dialect, types or {}, mode)


def _compiled(expr: Expr, dialect: Dialect, types: Mapping[str, FeelType], mode: Mode) -> Compiled:
    try:
        folded = fold(expr, dialect)
        code = _generated(folded, dialect, types) if mode == "generated" else None
        return Compiled(folded, code or _closure(folded, dialect, types), dialect, types)
    except RecursionError:
        raise FeelSyntaxError("The expression is nested too deeply", Position(0, 1, 1)) from None


def _generated(expr: Expr, dialect: Dialect, types: Mapping[str, FeelType]) -> Code | None:
    """None for what Python cannot compile, such as loops nested more than twenty deep."""
    try:
        return Generator(dialect, types).function(expr)
    except (SyntaxError, RecursionError, MemoryError):
        return None


def _closure(expr: Expr, dialect: Dialect, types: Mapping[str, FeelType]) -> Code:
    compiler = ClosureCompiler(dialect, types)
    code = compiler.code(expr)
    slots = [None] * (compiler.bindings.size - 1)

    def closure(run: Run, scope: Scope, value: Value) -> Value:
        return code(Frame(run, scope, [value, *slots]))

    return closure


class _Entry:
    """A compiled expression of a cache and how often it was asked for."""

    __slots__ = ("compiled", "uses")

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.uses = 0


class ExpressionCache:
    """The expressions compiled last, up to a bound; safe to share between threads.

    An expression starts as closures and becomes generated code when it has been asked for `hot_after` times.
    """

    def __init__(
        self, dialect: Dialect = Dialect.DMN, *, entries: int = CACHE_ENTRIES, hot_after: int = HOT_AFTER
    ) -> None:
        self._dialect = dialect
        self._hot_after = hot_after
        self._find = lru_cache(maxsize=entries)(self._compile)

    def expression(self, text: str, names: NameTable | tuple[str, ...] = ()) -> Compiled:
        """The compiled expression."""
        return self._hot(self._find(compile_expression, text, names))

    def unary_tests(self, text: str, names: NameTable | tuple[str, ...] = ()) -> Compiled:
        """The compiled unary tests."""
        return self._hot(self._find(compile_unary_tests, text, names))

    def _compile(self, compile_text: Callable[..., Compiled], text: str, names: Names) -> _Entry:
        return _Entry(compile_text(text, names, self._dialect))

    def _hot(self, entry: _Entry) -> Compiled:
        entry.uses += 1
        if entry.uses == self._hot_after:
            entry.compiled = entry.compiled.generated()
        return entry.compiled
