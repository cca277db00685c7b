"""What JSON may come in; the quick scanner against a slow one that is obviously right."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskloom.core.limits import JSON_DEPTH
from taskloom.core.payload import opaque_error, strict_error

VARIABLES = frozenset({"variables"})


class OffenceError(Exception):
    pass


def depth_of(text):
    """Character by character, as one would on paper."""
    depth = highest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            highest = max(highest, depth)
        elif character in "]}":
            depth -= 1
    return highest


def refuse_constant(name):
    raise OffenceError(name)


def parsed(text, *, pairs=dict, integer=int, real=float):
    return json.loads(
        text,
        parse_constant=refuse_constant,
        object_pairs_hook=pairs,
        parse_int=integer,
        parse_float=real,
    )


def whole(value):
    """Every character is one: a lone surrogate cannot be written as UTF-8."""
    json.dumps(value, ensure_ascii=False).encode()


def is_opaque(body):
    try:
        text = body.decode()
        if depth_of(text) > JSON_DEPTH or text.startswith("\ufeff"):
            return False
        whole(parsed(text, pairs=list, real=str, integer=str))
    except (ValueError, OffenceError):
        return False
    return True


def strictly(value):
    if isinstance(value, str) and "\0" in value:
        raise OffenceError("NUL")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OffenceError("integer")
    if isinstance(value, float) and not math.isfinite(value):
        raise OffenceError("number")


def is_strict(body, opaque=frozenset()):
    if not is_opaque(body):
        return False

    class Members(list):
        pass

    def walk(value, *, top):
        if isinstance(value, Members):
            names = [name for name, _ in value]
            if len(names) != len(set(names)):
                raise OffenceError("repeated")
            for name, member in value:
                strictly(name)
                if not (top and name in opaque):
                    walk(member, top=False)
        elif isinstance(value, list):
            for item in value:
                walk(item, top=False)
        else:
            strictly(value)

    try:
        walk(parsed(body.decode(), pairs=Members), top=True)
    except OffenceError:
        return False
    return True


PIECES = [
    *'[]{}:," \\',
    '"',
    '""',
    '"a"',
    '"b"',
    '"variables"',
    r'"variable\u0073"',
    r'"\u0061"',
    r'"\u0000"',
    r'"\\u0000"',
    r'"\ud800"',
    r'"\ud83d\ude00"',
    r'"\""',
    '"[{"',
    '"é"',
    "0",
    "-1",
    "01",
    "1.5",
    "1e400",
    "1E-400",
    str(2**63 - 1),
    str(2**63),
    str(-(2**63)),
    "9" * 30,
    "true",
    "null",
    "NaN",
    "Infinity",
    "\n",
    "\0",
]

LEAVES = st.sampled_from([piece for piece in PIECES if piece not in list('[]{}:,\\"\n\0')] + ['"x"', "7"])
NAMES = st.sampled_from(['"a"', '"b"', '"variables"', r'"variable\u0073"', r'"\u0061"', r'"a\u0000"', '"é"'])


def written(children):
    blank = st.sampled_from(["", " ", "\n\t"])
    member = st.builds(lambda n, v, b: f"{n}{b}:{b}{v}", NAMES, children, blank)
    return st.builds(
        lambda items, b: f"[{b}{','.join(items)}{b}]", st.lists(children, max_size=4), blank
    ) | st.builds(lambda items, b: f"{{{b}{', '.join(items)}{b}}}", st.lists(member, max_size=4), blank)


DOCUMENTS = st.recursive(LEAVES, written, max_leaves=12).map(str.encode)
RUBBISH = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode())


@given(DOCUMENTS | RUBBISH | st.binary(max_size=30))
@example(b'{"a":1,"a":2}')
@example(b'{"a": 1, "b": 2, "variables": {}, "a":1}')
def test_the_opaque_rule_is_that_of_the_slow_checker(body):
    assert (opaque_error(body) is None) == is_opaque(body)


@given(DOCUMENTS | RUBBISH)
@example(b'{"a":1,"a":2}')
@example(b'{"variables":{"a":1,"a":2},"b":"x"}')
@example(b'{"variables":"", "variables":"a"}')
@example(b'{"variables":12,"variables":1}')
@example(b'{"variables":1 ,"variables":1}')
@example(b'{"variables":[1],"variables":[1],"b":{}}')
@example(b'{"variables":1,"b":"1"}')
@example(b'{"variables":{"b":12345678901},"b":{"b":12345678901}}')
@example(rb'{"variables":1,"variable\u0073":2}')
@example(b'{"variables" : "\\u0000aaaaaaaaaaaaaaaaaaaaaaaaaa", "b":"\\u0000"}')
def test_the_strict_rule_is_that_of_the_slow_checker(body):
    assert (strict_error(body) is None) == is_strict(body)
    assert (strict_error(body, VARIABLES) is None) == is_strict(body, VARIABLES)


NESTINGS = st.lists(st.sampled_from(["[", '{"a":', "[[],", '["]",', r'{"\"[":']), min_size=1, max_size=120)


@given(NESTINGS, st.integers(0, 3))
def test_depth_is_counted_to_the_last_level(opened, siblings):
    closed = "".join("]" if piece[0] == "[" else "}" for piece in reversed(opened))
    text = "".join(opened) + "1" + closed
    body = f"[{','.join([text] * (siblings + 1))}]".encode()

    assert (opaque_error(body) is None) == (depth_of(body.decode()) <= JSON_DEPTH)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("depth", [1_000, 100_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ("[[],", "]"), ("[", "")])
@pytest.mark.parametrize("rule", [opaque_error, strict_error])
def test_deep_json_is_refused_at_once(rule, opening, closing, depth):
    body = (opening * depth + "1" + closing * depth).encode()

    error = rule(body)

    assert error == "the JSON is nested deeper than 100 levels"


@pytest.mark.timeout(30)
def test_the_worst_16_megabytes_take_a_bounded_time():
    chain = b"[" * 98 + b"]" * 98
    body = b"[" + b",".join([chain] * 80_000) + b"]"

    assert opaque_error(body) is None


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "[NaN]", '"\\ud800"', "'a'", "", "1 2", "\ufeff1", '"\t"', "{,}"],
)
def test_what_is_no_json_is_refused_by_both_rules(value):
    assert opaque_error(value.encode())
    assert strict_error(value.encode())


@pytest.mark.parametrize("value", [r'"\u0000"', "9" * 30, "1e400", '{"a":1,"a":2}'])
def test_strange_json_is_kept_where_it_is_opaque_and_refused_where_it_is_read(value):
    body = f'{{"id":"x","variables":{value}}}'.encode()

    assert opaque_error(body) is None
    assert strict_error(body, VARIABLES) is None
    assert strict_error(body)
