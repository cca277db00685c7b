"""One fixture: evaluates a text in both back ends, which must agree."""

from collections.abc import Callable
from typing import Any

import pytest

from taskloom.feel import Dialect, Environment, NameTable, Result, compile_expression, table_of

NOW_MS = 1_700_000_000_000


def evaluate(
    text: str, dialect: Dialect, names: NameTable | None, environment: Environment, scope: dict[str, Any]
) -> Result:
    """The result, the same of closures and of generated code."""
    table = table_of(scope) if names is None else names
    results = [
        compile_expression(text, table, dialect, mode=mode).evaluate(scope, environment)
        for mode in ("closure", "generated")
    ]
    assert repr(results[0].failure) == repr(results[1].failure)
    assert results[0].warnings == results[1].warnings
    return results[1]


@pytest.fixture
def run_text() -> Callable[..., Result]:
    """The whole result of a text over variables."""

    def function(
        text: str,
        dialect: Dialect = Dialect.DMN,
        names: NameTable | None = None,
        environment: Environment | None = None,
        **scope: Any,
    ) -> Result:
        return evaluate(text, dialect, names, environment or Environment.at(NOW_MS), scope)

    return function


@pytest.fixture
def feel(run_text: Callable[..., Result]) -> Callable[..., Any]:
    """The value of a text over variables, in standard FEEL."""
    return lambda text, **scope: run_text(text, **scope).value


@pytest.fixture
def camunda(run_text: Callable[..., Result]) -> Callable[..., Any]:
    """The value of a text over variables, in the Camunda dialect."""
    return lambda text, **scope: run_text(text, Dialect.CAMUNDA, **scope).value
