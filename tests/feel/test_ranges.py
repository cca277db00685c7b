"""Ranges as values and how points and ranges lie to each other."""

from decimal import Decimal

import pytest

from taskloom.feel import Range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1..3]", Range(1, 3, True, True)),
        ("]1..3[", Range(1, 3, False, False)),
        ("(< 3)", Range(None, 3, False, False, "<")),
        ("(>= 3).start included", True),
        ("(>= 3).end", None),
        ("[1..3).end included", False),
        ('["a"..3]', None),
        ("[1..null]", Range(1, None, True, True)),
        ("(null..function(a) a)", None),
        ('range("[18..21)")', Range(18, 21, True, False)),
        ('range("[@\\"2024-01-01\\"..date(\\"2024-02-01\\")]").start.month', 1),
        ('range("[\\"a\\"..\\"c\\"]")', Range("a", "c", True, True)),
        ('range("(..10]") = (<= 10)', True),
        ('range("[1..)") = (>= 1)', True),
        ('range("[..10]")', None),
        ('range("(..)")', None),
        ('range("[-1.5..-1]").start', Decimal("-1.5")),
        ('range("[3..1]")', None),
        ('range("[1+1..3]")', None),
        ('range("[1..")', None),
        ('range("1..2")', None),
    ],
)
def test_ranges_are_values(feel, text, expected):
    assert feel(text) == expected


@pytest.mark.parametrize(
    ("relation", "holds", "fails"),
    [
        ("before", ["1, 10", "1, (1..10]", "[1..10), 10", "[1..10), [10..20]"], ["10, 1", "1, [1..10]"]),
        ("after", ["10, 5", "(11..20], 11", "[11..20], [1..11)"], ["5, 10", "[1..10], 5", "11, [1..11]"]),
        ("meets", ["[1..5], [5..10]"], ["[1..5), [5..10]", "[1..5], [6..10]"]),
        ("met by", ["[5..10], [1..5]"], ["(5..10], [1..5]"]),
        (
            "overlaps",
            ["[1..5], [3..8]", "[3..5], [1..8]", "[1..5], [5..8]"],
            ["[1..5), [5..8]", "[1..5], [6..8]"],
        ),
        ("overlaps before", ["[1..5], [3..8]", "[1..5], (1..5]"], ["[1..5], [6..8]", "[3..8], [1..5]"]),
        ("overlaps after", ["[3..8], [1..5]", "(1..5], [1..5]"], ["[6..8], [1..5]", "[1..5], [3..8]"]),
        ("finishes", ["10, [1..10]", "[5..10], [1..10]"], ["10, [1..10)", "[5..10), [1..10]"]),
        ("finished by", ["[1..10], 10", "[1..10], [5..10]"], ["[1..10), 10"]),
        ("includes", ["[1..10], 5", "[1..10], [1..10)", "(1..10], (1..5]"], ["[1..10), 10", "(1..10], 1"]),
        ("during", ["5, [1..10]", "[4..6], [1..10]"], ["12, [1..10]", "10, [1..10)"]),
        ("starts", ["1, [1..10]", "[1..5], [1..10]"], ["1, (1..10]", "(1..5], [1..10]"]),
        ("started by", ["[1..10], 1", "[1..10], [1..5]"], ["(1..10], 1", "[1..5], [1..10]"]),
        ("coincides", ["5, 5", "[1..5], [1..5]"], ["3, 4", "(1..5), [1..5]"]),
    ],
)
def test_each_relation_holds_where_the_standard_says_so(feel, relation, holds, fails):
    assert [feel(f"{relation}({arguments})") for arguments in holds] == [True] * len(holds)
    assert [feel(f"{relation}({arguments})") for arguments in fails] == [False] * len(fails)


def test_relations_take_named_arguments_and_refuse_mixed_kinds(feel):
    assert feel("before(point: 1, range: [2..3])") is True
    assert feel("before(range: [1..2], point: 3)") is True
    assert feel("before(range1: [1..2], range2: [3..4])") is True
    assert feel('before(1, "a")') is None
    assert feel("meets(1, [1..2])") is None


def test_an_open_end_lies_beyond_everything(feel):
    assert feel("before((< 5), [6..9])") is True
    assert feel("before((> 5), [6..9])") is False
    assert feel("includes((>= 5), [5..9])") is True
    assert feel("overlaps((< 5), (> 4))") is True
