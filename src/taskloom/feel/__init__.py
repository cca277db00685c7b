r"""FEEL, the expression language of DMN and of Camunda's BPMN: pure, useful on its own.

Text becomes a tree, a tree becomes a callable, a callable turns variables into a value:

    compiled = compile_expression("amount > 100 and status = \"open\"")
    result = compiled.evaluate({"amount": 120, "status": "open"})
    result.value     # True
    result.warnings  # why parts became null
    result.failure   # a passed limit or a failed assertion, else None

**Values.** None, bool, int, Decimal, str, list, dict and the classes of `values`: Date, Time, DateTime,
DayTimeDuration, YearMonthDuration, Range, Function. Never a float: use `from_json(bytes)` or
`from_python(parsed)` on the way in and `to_json(value)` on the way out. `equals(run, a, b)`, `compare(a,
b)`, `contained(run, span, a, b)` are the operators `=`, `<` and `in`.

**Names.** Names with blanks or symbols must be told to the parser: `names` is a `NameTable` or any iterable
of names. `NameTable({"Loan": NameTable(["Monthly income"]), "x": None}, types=["tLoan"])` nests the members
of item definitions; `table_of(variables)` makes a table from values, and `table.with_names([...])` adds the
names of a nested scope (context entries, parameters).

**Types.** `parse_type("list<tLoan>", types=["tLoan"])` reads a type, `resolve(kind, {"tLoan": kind})`
replaces its references, `conforms(value, kind)` is `instance of`, `coerce(value, kind)` fits a value to a
declared type or answers `MISMATCH`. `ConstrainedType(name, base, allows)` carries allowed values.

**Several expressions in one run.** A decision model makes one `Run(environment)`, calls
`compiled.value(run, scope)` and `compiled.matches(run, scope, value)` for its cells, and reads
`run.warnings`; `EvaluationEnded` comes out of these two when a limit is passed. Boxed contexts are a loop
over compiled entries with a growing scope. A boxed function is `Function(names, body, types=..., name=...)`
where `body(run, *arguments)` is any callable; put it into the scope or call it with `call(run, span,
function, arguments)` / `call_named(run, span, function, names, arguments)`.

**Tables.** `parse_unary_tests(text, names)` gives a `UnaryTests` tree; `shape_of(tree)` says whether
constants decide it.

Limits are in `limits.py`; the language as supported is described in `docs/api/feel.md`.
"""

from taskloom.feel.analysis import TestShape, constant_of, shape_of
from taskloom.feel.compiled import Compiled, ExpressionCache, Result, compile_expression, compile_unary_tests
from taskloom.feel.diagnostics import (
    NO_SPAN,
    EvaluationEnded,
    Failure,
    FailureCode,
    FeelSyntaxError,
    FeelWarning,
    Position,
    Span,
    WarningCode,
)
from taskloom.feel.dialect import Dialect
from taskloom.feel.equality import equals
from taskloom.feel.invocation import call, call_named
from taskloom.feel.json_values import UnfitJson, from_json, from_python, to_json
from taskloom.feel.limits import DEFAULT_LIMITS, Limits
from taskloom.feel.names import NameTable, normalise, table_of
from taskloom.feel.ordering import compare, contained
from taskloom.feel.parser import parse, parse_type, parse_unary_tests
from taskloom.feel.run import DEFAULT_ENVIRONMENT, Environment, Run
from taskloom.feel.text import describe, string_of
from taskloom.feel.type_system import (
    ANY,
    MISMATCH,
    ConstrainedType,
    ContextType,
    FeelType,
    FunctionType,
    ListType,
    NamedType,
    RangeType,
    SimpleType,
    coerce,
    conforms,
    resolve,
)
from taskloom.feel.values import (
    Date,
    DateTime,
    DayTimeDuration,
    Function,
    Range,
    Scope,
    Time,
    Value,
    YearMonthDuration,
)
from taskloom.feel.zones import is_zone

__all__ = [
    "ANY",
    "DEFAULT_ENVIRONMENT",
    "DEFAULT_LIMITS",
    "MISMATCH",
    "NO_SPAN",
    "Compiled",
    "ConstrainedType",
    "ContextType",
    "Date",
    "DateTime",
    "DayTimeDuration",
    "Dialect",
    "Environment",
    "EvaluationEnded",
    "ExpressionCache",
    "Failure",
    "FailureCode",
    "FeelSyntaxError",
    "FeelType",
    "FeelWarning",
    "Function",
    "FunctionType",
    "Limits",
    "ListType",
    "NameTable",
    "NamedType",
    "Position",
    "Range",
    "RangeType",
    "Result",
    "Run",
    "Scope",
    "SimpleType",
    "Span",
    "TestShape",
    "Time",
    "UnfitJson",
    "Value",
    "WarningCode",
    "YearMonthDuration",
    "call",
    "call_named",
    "coerce",
    "compare",
    "compile_expression",
    "compile_unary_tests",
    "conforms",
    "constant_of",
    "contained",
    "describe",
    "equals",
    "from_json",
    "from_python",
    "is_zone",
    "normalise",
    "parse",
    "parse_type",
    "parse_unary_tests",
    "resolve",
    "shape_of",
    "string_of",
    "table_of",
    "to_json",
]
