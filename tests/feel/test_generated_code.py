"""Generated code comes from the tree only: no text of a user, no Python built-ins."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskloom.feel import Dialect, compile_expression, parse
from taskloom.feel.codegen import Generator

HOSTILE = '__import__("os").system("x")\n'
LINE = re.compile(r"[A-Za-z_0-9 ,.()\[\]{}:=<>!+*/'\"-]*")


def source(text, names=(), dialect=Dialect.DMN):
    generator = Generator(dialect, {})
    generator.function(parse(text, names, dialect))
    return generator.out.text()


@pytest.mark.parametrize(
    "text",
    [
        '"evil()"',
        '{"evil()": 1}.a',
        "evil(evil)",
        "evil.evil",
        'f(evil: "evil")',
        "for evil in [1] return evil",
        "function(evil) evil",
        '@"evil"',
        "x instance of evil",
        "some evil in x satisfies evil",
        "evil[evil > 1]",
        "x in (evil, < evil)",
    ],
)
def test_no_text_of_the_user_is_in_the_source(text):
    assert "evil" not in source(text)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=30).filter(lambda text: "`" not in text))
def test_names_in_back_ticks_become_keys_and_nothing_else(name):
    compiled = compile_expression(f"`{name}`", (), Dialect.CAMUNDA, mode="generated")

    assert compiled.evaluate({name: 7}).value == 7
    assert all(LINE.fullmatch(line) for line in source(f"`{name}`", (), Dialect.CAMUNDA).splitlines())


def test_the_generated_function_sees_no_built_ins_of_python():
    compiled = compile_expression(f"`{HOSTILE}`", (), Dialect.CAMUNDA, mode="generated")

    assert compiled.code.__globals__["__builtins__"] == {}
    assert compiled.evaluate({}).value is None


def test_what_python_cannot_compile_runs_as_closures():
    depth = 25
    text = "".join(f"for x{i} in [1] return " for i in range(depth)) + "x0"

    compiled = compile_expression(text, mode="generated")

    value = compiled.evaluate({}).value
    for _ in range(depth):
        (value,) = value
    assert value == 1
    assert compiled.code.__name__ == "closure"


def test_common_conditions_need_no_call_of_a_helper():
    lines = source('amount > 100 and status = "open"').splitlines()

    assert any("T(" in line and " is INT else " in line for line in lines)
    assert any("T(" in line and " is STR else " in line for line in lines)
