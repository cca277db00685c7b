"""Regular expressions as XPath defines them, in `matches`, `replace` and `split`."""

import pytest

from taskloom.feel import FailureCode, compile_expression


def result_of(text, pattern, flags=""):
    expression = compile_expression("matches(text, pattern, flags)", ["text", "pattern", "flags"])
    return expression.evaluate({"text": text, "pattern": pattern, "flags": flags})


def matches(text, pattern, flags=""):
    return result_of(text, pattern, flags).value


def replaced(text, pattern, replacement, flags=""):
    names = ["text", "pattern", "replacement", "flags"]
    expression = compile_expression("replace(text, pattern, replacement, flags)", names)
    values = (text, pattern, replacement, flags)
    return expression.evaluate(dict(zip(names, values, strict=True))).value


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("abracadabra", "bra", True),
        ("abracadabra", "^a.*a$", True),
        ("abracadabra", "^bra", False),
        ("a-b", r"a\-b", True),
        ("a\tb", r"a\tb", True),
        ("ab", "a|b|", True),
        ("aaa", "^a{2,3}$", True),
        ("a", "^a{2,}$", False),
        ("", "", True),
        ("x", "[a-z-[aeiou]]", True),
        ("e", "[a-z-[aeiou]]", False),
        ("é", r"[\p{L}-[a-z]]", True),
        ("b", "[^a-c-[x]]", False),
        ("-", "[a-]", True),
        ("-", "[-a]", True),
        ("]", r"[\]]", True),
        ("5", r"\d", True),
        ("٣", r"\d", True),
        ("5", r"\D", False),
        ("é", r"\w", True),
        ("_", r"\w", False),
        ("!", r"[\W]", True),
        ("a", r"[\W]", False),
        (":", r"\i", True),
        ("-", r"\i", False),
        ("-", r"\c", True),
        ("!", r"[\I]", True),
        ("\u03b1", r"\p{IsGreek}", True),
        ("a", r"\P{IsGreek}", True),
        ("a", r"[\p{IsBasicLatin}-[a]]", False),
        ("A", r"\p{Lu}", True),
        ("A", r"\P{Lu}", False),
        ("\u0378", r"\p{Cn}", True),
        ("\n", ".", False),
        ("\n", "[^a]", True),
        ("abc\n", "abc$", False),
        ("\U0001f40e", "^.$", True),
        ("\ud83d", "^.$", True),
    ],
)
def test_patterns(text, pattern, expected):
    assert matches(text, pattern) is expected


@pytest.mark.parametrize(
    ("text", "pattern", "flags", "expected"),
    [
        ("a\nb", "a.b", "s", True),
        ("a\nb", "^b$", "m", True),
        ("a\nb", "^b$", "", False),
        ("hello world", "hello[ ]world", "x", True),
        ("hello world", r"hello\ sworld", "x", True),
        ("helloworld", "hello world", "x", True),
        ("a.b", "a.b", "q", True),
        ("axb", "a.b", "q", False),
        ("A.B", "a.b", "qi", True),
        ("K", "\u212a", "i", True),
        ("\u212a", "[a-z]", "i", True),
        ("i", "[^I]", "i", False),
        ("i", "[A-Z-[OI]]", "i", False),
        ("x", "[A-Z-[OI]]", "i", True),
        ("m", r"\p{Lu}", "i", False),
        ("a", "a", "z", None),
    ],
)
def test_flags(text, pattern, flags, expected):
    assert matches(text, pattern, flags) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "[", "]", "(", ")", "a{", "}", "*", "a**", "a{,2}", "a{2,1}", "a{1", "a{9999}", "[]", "[^]", "[]a]",
        "[[a]]",
        "[z-a]", r"[a-\d]", r"\q", r"\b", r"\A", r"\pL", r"\p{Xx}", r"\p{IsNowhere}", "\\", "[a", "[a-[b]c]",
        "(?=a)", "(?i)a", r"\1", r"(a\1)", r"(a)\2", "(" * 100 + ")" * 100,
    ],
)  # fmt: skip
def test_what_is_no_pattern_of_xpath_gives_null(pattern):
    result = result_of("a", pattern)
    assert result.value is None
    assert result.failure is None
    assert len(result.warnings) == 1


@pytest.mark.parametrize(
    ("text", "pattern", "flags", "expected"),
    [
        ("abab", r"^(ab)\1$", "", True),
        ("abac", r"^(ab)\1$", "", False),
        ("Mum", r"([md])[aeiou]\1", "i", True),
        ("Mum", r"([md])[aeiou]\1", "", False),
        ("aXbXa", r"^(.)X(.)X(\1|\2)$", "", True),
        ("aaaa", r"^(a*?)\1$", "", True),
        ("aaa", r"^(a+)\1$", "", False),
        ("xyzxyz", r"^(?:(x)|(y)|(z))+\1\2\3$", "", True),
        ("a1a1", r"^(?:a(\d)){2}$|(b)\2", "", True),
        ("one\ntwo two", r"^(two) \1$", "m", True),
        ("aa0", r"(a)\10", "", True),
        ("'quoted'", r"""(['"]).*\1""", "", True),
        ("'quoted\"", r"""(['"]).*\1""", "", False),
    ],
)
def test_references_back_to_a_group(text, pattern, flags, expected):
    assert matches(text, pattern, flags) is expected


@pytest.mark.parametrize(
    ("text", "pattern", "replacement", "expected"),
    [
        ("abracadabra", "bra", "*", "a*cada*"),
        ("abracadabra", "a.*?a", "*", "*c*bra"),
        ("darted", "^(.*?)d(.*)$", "$1c$2", "carted"),
        ("0123456789", r"(\d{3})(\d{3})(\d{4})", "($1) $2-$3", "(012) 345-6789"),
        ("abc", "(b)", r"\$1\\", "a$1\\c"),
        ("abc", "(b)", "$0$9", "abc"),
        ("a1b", r"(\d)", "$10", "a10b"),
        ("bookkeeper", r"(.)\1", "<$1>", "b<o><k><e>per"),
        ("abc", "x*", "-", None),
        ("abc", "b", "$", None),
        ("abc", "b", "\\", None),
    ],
)
def test_replacements(text, pattern, replacement, expected):
    assert replaced(text, pattern, replacement) == expected


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "pattern", [r"^(a*)*\1b$", r"^((a|a)*)*\1b$", r"^(a?){30}a{30}\1$", r"(.*)(.*)(.*)(.*)\1x$"]
)
def test_patterns_that_would_never_end_are_bounded(pattern):
    result = result_of("a" * 2_000 + "c", pattern)
    assert result.value is not True
    assert result.failure is None or result.failure.code is FailureCode.LIMIT


@pytest.mark.timeout(30)
def test_a_long_text_is_searched_in_linear_time():
    assert matches("a" * 100_000, "(a*)*b") is False
