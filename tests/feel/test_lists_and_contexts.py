"""Lists, filters, paths, contexts and their functions."""

from decimal import Decimal

import pytest

PEOPLE = [{"name": "Ann", "age": 30}, {"name": "Bob", "age": 40}, {"name": "Cid"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2, 3][1]", 1),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][0]", None),
        ("[1, 2, 3][4]", None),
        ("[1, 2, 3][1.5]", None),
        ("[1, 2, 3][2.0]", 2),
        ("[1, 2, 3][position]", 3),
        ("[][position]", None),
        ("[][unknown]", []),
        ("[][1]", None),
        ("[1, 2, 3][item > 1]", [2, 3]),
        ("[][item > 1]", []),
        ("[1, 2, 3][true]", [1, 2, 3]),
        ("[1, 2, 3][null]", []),
        ('[1, 2, 3]["a"]', None),
        ("[1, 2, 3][if item < 3 then true else 7]", None),
        ("5[1]", 5),
        ("5[item > 6]", []),
        ("null[1]", None),
        ("people[age > 35].name", ["Bob"]),
        ("people[item.age > 35].name", ["Bob"]),
        ("people.age", [30, 40, None]),
        ("people[2].name", "Bob"),
        ("people[count(people) - 2].name", "Ann"),
        ("[{item: 1}, {item: 2}][item = 2]", [{"item": 2}]),
        ("[[1, 2], [3]][item[1] = 3]", [[3]]),
        ("[{a: [{b: 1}, {b: 2}]}].a[1].b", [1, 2]),
        ("[{a: [{b: 1}, {b: 2}]}].a", [[{"b": 1}, {"b": 2}]]),
        ("[{a: {b: 1}}, {a: {b: 2}}].a.b", [1, 2]),
        ("{a: 1}.b", None),
        ("null.b", None),
        ("[{x: 1}, {x: 2}][x = limit].x", [2]),
    ],
)
def test_filters_and_paths(feel, text, expected):
    assert feel(text, people=PEOPLE, limit=2, position=-1) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count([1, null])", 2),
        ("count([])", 0),
        ("min(3, 1, 2)", 1),
        ('max(["a", "c", "b"])', "c"),
        ("min([])", None),
        ("[product(null), mean(null), median(null), stddev(null), mode(null)]", [None] * 5),
        ('[product("a"), mean("a"), median("a"), stddev("a"), mode("a")]', [None] * 5),
        ('min(1, "a")', None),
        ("sum([1, 2.5])", Decimal("3.5")),
        ("sum([])", None),
        ('sum([1, "a"])', None),
        ("product(2, 3, 4)", 24),
        ("mean([1, 2, 3, 4])", Decimal("2.5")),
        ("median([8, 2, 5, 3, 4])", 4),
        ("median(6, 1, 2, 3)", Decimal("2.5")),
        ("stddev(2, 4, 7, 5) > 2.08166", True),
        ("stddev([47])", None),
        ("mode([3, 6, 1, 9, 6, 1, 3])", [1, 3, 6]),
        ("mode([])", []),
        ("all([true, false, null])", False),
        ("all([true, null])", None),
        ("all([])", True),
        ("any(false, null, true)", True),
        ("any([false, null])", None),
        ("any([])", False),
        ("all(null)", None),
        ("list contains([1, null], null)", True),
        ("sublist([4, 5, 6], 2)", [5, 6]),
        ("sublist([4, 5, 6], -2, 1)", [5]),
        ("sublist([4, 5, 6], 4)", None),
        ("append([1], 2, [3])", [1, 2, [3]]),
        ("concatenate([1], [[2]], 3)", [1, [2], 3]),
        ("insert before([1, 3], 2, 2)", [1, 2, 3]),
        ("insert before([1, 3], 4, 2)", None),
        ("remove([1, 2, 3], -1)", [1, 2]),
        ("reverse([1, 2, 3])", [3, 2, 1]),
        ("index of([1, 2, 3, 2], 2)", [2, 4]),
        ("union([1, 2], [2, 3])", [1, 2, 3]),
        ('distinct values([1, 1.0, "a", "a", null, null, [1], [1]])', [1, "a", None, [1]]),
        ("flatten([[1, 2], [[3]], 4])", [1, 2, 3, 4]),
        ("sort([3, 1, 2], function(x, y) x > y)", [3, 2, 1]),
        ("sort([3, 1, 2])", [1, 2, 3]),
        ('sort([{a: 2, n: "x"}, {a: 1}, {a: 2, n: "y"}], function(x, y) x.a < y.a)[2].n', "x"),
        ('sort([1, "a"])', None),
        ("sort([1, 2], function(x, y) x)", None),
        ("list replace([2, 4, 7], 2, 5)", [2, 5, 7]),
        ("list replace([2, 4, 7], function(item, newItem) item < newItem, 5)", [5, 5, 7]),
        ("list replace([2], 0, 5)", None),
        ("list replace([2], function(item, newItem) 1, 5)", None),
    ],
)
def test_list_functions(feel, text, expected):
    assert feel(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: 1, b: a + 1}", {"a": 1, "b": 2}),
        ('{a: 1, "b c": 2, d e: 3}', {"a": 1, "b c": 2, "d e": 3}),
        ("{a: 1, a: 2}", None),
        ("{a b: 1, c: a b + 1}.c", 2),
        ("{n: 5, f: function(x) if x < 2 then 1 else x * f(x - 1), r: f(n)}.r", 120),
        ('get value({a: 1}, "a")', 1),
        ('get value({a: 1}, "b")', None),
        ("get entries({a: 1})", [{"key": "a", "value": 1}]),
        ('context([{key: "a", value: 1}, {key: "b", value: null}])', {"a": 1, "b": None}),
        ('context([{key: "a", value: 1}, {key: "a", value: 2}])', None),
        ('context([{key: "a"}])', None),
        ('context put({a: 1}, "b", 2)', {"a": 1, "b": 2}),
        ('context put({x: {y: 1}}, ["x", "y"], 2)', {"x": {"y": 2}}),
        ('context put({x: 1}, ["x", "y"], 2)', None),
        ("context put({x: 1}, [], 2)", None),
        ("context merge([{a: 1}, {a: 2, b: 3}])", {"a": 2, "b": 3}),
        ("context merge([{a: 1}, 2])", None),
    ],
)
def test_contexts_and_their_functions(feel, text, expected):
    assert feel(text) == expected


def test_a_list_given_as_variable_is_never_changed(feel):
    numbers = [3, 1, 2]

    feel(
        "[sort(n), reverse(n), append(n, 4), remove(n, 1), n[item > 1], for x in n return partial]", n=numbers
    )

    assert numbers == [3, 1, 2]


def test_the_item_of_the_inner_filter_hides_that_of_the_outer_one(feel):
    orders = [{"id": 1, "lines": [{"n": 1}, {"n": 5}]}, {"id": 5, "lines": [{"n": 5}]}]

    assert feel("orders[count(lines[n = 5]) = 1].id", orders=orders) == [1, 5]
    assert feel("orders[count(lines[n = id]) = 1].id", orders=orders) == [1, 5]
