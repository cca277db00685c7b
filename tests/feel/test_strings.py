"""Strings, their functions, regular expressions."""

import pytest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"a\"b\\c\n\t\'"', "a\"b\\c\n\t'"),
        (r'"\u0041\U01F40E"', "A🐎"),
        (r'"\uD83D\uDC0E"', "🐎"),
        (r'"\s"', r"\s"),
        ('"foo" + "bar"', "foobar"),
        ('substring("foobar", 3)', "obar"),
        ('substring("foobar", 3, 3)', "oba"),
        ('substring("foobar", -2, 1)', "a"),
        ('substring("foobar", 3, 3.8)', "oba"),
        (r'substring("\U01F40Eab", 2)', "ab"),
        (r'string length("\uD83D\uDC0Eab")', 3),
        ('upper case("aB4é")', "AB4É"),
        ('lower case("aB4É")', "ab4é"),
        ('substring before("foobar", "bar")', "foo"),
        ('substring before("foobar", "xyz")', ""),
        ('substring before("foobar", "")', ""),
        ('substring after("foobar", "ob")', "ar"),
        ('substring after("foobar", "xyz")', ""),
        ('substring after("foobar", "")', "foobar"),
        ('contains("foobar", "of")', False),
        ('starts with("foobar", "fo")', True),
        ('ends with("foobar", "r")', True),
        ('string join(["a", null, "c"], "-")', "a-c"),
        ('string join(["a", "b"])', "ab"),
        ('string join([], "-")', ""),
        ('string join(["a", "b"], null)', "ab"),
        ('split("John Doe", "\\s")', ["John", "Doe"]),
        ('split("a;b;c;;", ";")', ["a", "b", "c", "", ""]),
        ('string(["a\\"b", 1, {a b: null, "{": true}])', '["a\\"b", 1, {a b: null, "{": true}]'),
        ("string(1.50)", "1.5"),
        ("string(1e3)", "1000"),
        ("string([1..3))", "[1..3)"),
        ("string((>= 3))", "(>= 3)"),
        ("string(function(a, b) a)", "function(a, b)"),
        ('string(@"P0D")', "PT0S"),
        ("string(null)", None),
    ],
)
def test_string_functions(feel, text, expected):
    assert feel(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'substring("foo", 0)',
        'substring("foo", 4)',
        'substring("foo", 1, 0)',
        "upper case(1)",
        'contains("a", null)',
        'string join(["a", 1])',
        'string join(null, ",")',
        'split("a", "")',
        '"a" - "b"',
        '"a" + 1',
    ],
)
def test_bad_arguments_give_null_and_say_why(run_text, text):
    result = run_text(text)

    assert result.value is None
    assert result.warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('matches("foobar", "^fo*b")', True),
        ('matches("FOO", "foo", "i")', True),
        ('matches("a\nb", "a.b")', False),
        ('matches("a\nb", "a.b", "s")', True),
        ('matches("a\nb", "^b$", "m")', True),
        (r'matches("hello world", "hello\ sworld", "x")', True),
        ('matches("hello world", "hello world", "x")', False),
        ('matches("hello world", "hello[ ]world", "x")', True),
        ('matches("a.c", ".", "q")', True),
        ('matches("abc", ".", "q")', False),
        (r'matches("٣", "^\d$")', True),
        (r'matches("é", "^\w$")', True),
        (r'matches("_a-b", "^\i\c*$")', True),
        ('matches("x", "[a-z-[aeiou]]")', True),
        ('matches("e", "[a-z-[aeiou]]")', False),
        (r'matches("A", "\p{Lu}")', True),
        (r'replace("abracadabra", "a(.)", "<$1>")', "<b>r<c><d><b>ra"),
        (r'replace("a1", "(a)(1)", "$2$1\\$")', "1a$"),
        ('replace("abc", "b", "$0$0")', "abbc"),
        ('replace("abc", "(b)", "$12")', "ab2c"),
        ('replace("ABC", "b", "x", "i")', "AxC"),
    ],
)
def test_regular_expressions_are_those_of_xpath(feel, text, expected):
    assert feel(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'matches("a", "[")',
        'matches("a", "a{2")',
        'matches("a", "(?=a)")',
        r'matches("a", "\b")',
        'matches("a", "a", "y")',
        'matches("a", "[]")',
        'replace("abc", "b*", "x")',
        'replace("abc", "b", "$")',
        'matches("a", null)',
        r'matches("a", "\p{Nope}")',
        'matches("a", "a{2000}")',
    ],
)
def test_patterns_that_cannot_be_used_give_null(run_text, text):
    result = run_text(text)

    assert result.value is None
    assert len(result.warnings) == 1


def test_a_catastrophic_pattern_takes_linear_time(feel):
    assert feel('matches(s, "^(a+)+$")', s="a" * 50_000 + "b") is False
