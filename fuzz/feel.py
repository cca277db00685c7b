"""Any text, in either dialect and back end, ends in a value or an error within the bounds.

Run: `pip install atheris`, then `python fuzz/feel.py [-max_total_time=600] [corpus folder]`.
Both back ends run each text and must give the same value.
"""

import sys

import atheris

with atheris.instrument_imports():
    from taskloom.feel import (
        Dialect,
        Environment,
        FeelSyntaxError,
        Limits,
        UnfitJson,
        compile_expression,
        compile_unary_tests,
        parse,
        to_json,
    )
    from taskloom.feel.printer import to_text

NAMES = ("a", "b", "monthly income", "a-b")
SCOPE = {"a": 3, "b": [1, {"a": 2}], "monthly income": "x", "?": 5}
ENVIRONMENT = Environment.at(1_700_000_000_000, limits=Limits(steps=5_000, string_chars=10_000))


def one_input(data):
    provider = atheris.FuzzedDataProvider(data)
    dialect = provider.PickValueInList(list(Dialect))
    compile_text = provider.PickValueInList([compile_expression, compile_unary_tests])
    text = provider.ConsumeUnicodeNoSurrogates(200)
    try:
        compiled = compile_text(text, NAMES, dialect)
    except FeelSyntaxError:
        return
    outcomes = [code.evaluate(SCOPE, ENVIRONMENT) for code in (compiled, compiled.generated())]
    assert outcomes[0].failure == outcomes[1].failure, text
    assert written(outcomes[0].value) == written(outcomes[1].value), text
    if compile_text is compile_expression:
        tree = parse(text, NAMES, dialect)
        assert parse(to_text(tree, dialect), NAMES, dialect) == tree, text


def written(value):
    try:
        return to_json(value)
    except UnfitJson:
        return None


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
