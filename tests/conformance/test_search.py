"""Searches: one filter tree, sorts, pages by cursor and offset, totals, groups; equal on every adapter."""

from typing import NamedTuple

import pytest

from taskloom.core.limits import TOTAL_EXACT
from taskloom.core.task import COMPLETED, LEASED
from taskloom.views.view import (
    EVERYTHING,
    And,
    Compare,
    Exists,
    In,
    Like,
    Not,
    Or,
    Query,
    Related,
    RowChange,
    Sort,
)


class Note(NamedTuple):
    key: int
    topic: str


TOPICS = ["a", "b", "B", "a", "ä", "", "a*c", "abc", "a?c", "[x]", "a%c", "a_c", "\\", "x\x00y"]
NOTES = [Note(key, topic) for key, topic in enumerate(TOPICS, 1)]


@pytest.fixture
async def notes(rig):
    await rig.save(
        rows=[
            RowChange("notes", key, "u" if key > 12 else "t", {"topic": topic, "rank": key % 4})
            for key, topic in enumerate(TOPICS, 1)
        ]
    )
    return rig.store


def query(filter_=EVERYTHING, **rest):
    return Query(view="notes", tenants=rest.pop("tenants", None), filter=filter_, **rest)


async def keys(store, filter_=EVERYTHING, **rest):
    return [row["key"] for row in (await store.search(query(filter_, **rest))).rows]


def matching(test):
    return [note.key for note in NOTES if test(note)]


@pytest.mark.parametrize(
    ("filter_", "test"),
    [
        (EVERYTHING, lambda row: row.key > 0),
        (Or(()), lambda row: row.key < 0),
        (Compare("topic", "eq", "a"), lambda row: row.topic == "a"),
        (Compare("topic", "gt", "a"), lambda row: row.topic > "a"),
        (Compare("topic", "lte", "a"), lambda row: row.topic <= "a"),
        (Compare("topic", "eq", "x\x00y"), lambda row: row.topic == "x\x00y"),
        (Compare("rank", "gte", 2), lambda row: row.key % 4 >= 2),
        (Compare("rank", "lt", 2), lambda row: row.key % 4 < 2),
        (Compare("key", "gt", 5), lambda row: row.key > 5),
        (Compare("tenant", "eq", "u"), lambda row: row.key > 12),
        (In("topic", ("a", "ä", "nothing")), lambda row: row.topic in ("a", "ä")),
        (In("rank", (0, 3)), lambda row: row.key % 4 in (0, 3)),
        (In("rank", ()), lambda row: row.key < 0),
        (Exists("topic"), lambda row: row.topic != ""),
        (Exists("rank"), lambda row: row.key % 4 != 0),
        (Not(Exists("topic")), lambda row: row.topic == ""),
        (
            And((Compare("rank", "eq", 1), Not(Compare("topic", "eq", "a")))),
            lambda row: row.key % 4 == 1 and row.topic != "a",
        ),
        (
            Or((Compare("topic", "eq", "b"), And((Exists("rank"), Compare("key", "lt", 3))))),
            lambda row: row.topic == "b" or (row.key % 4 and row.key < 3),
        ),
    ],
)
async def test_filters_find_what_they_say(notes, filter_, test):
    assert await keys(notes, filter_) == matching(test)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a*", {"a", "a*c", "abc", "a?c", "a%c", "a_c"}),
        ("a?c", {"a*c", "abc", "a?c", "a%c", "a_c"}),
        ("a\\*c", {"a*c"}),
        ("a\\?c", {"a?c"}),
        ("a%c", {"a%c"}),
        ("a_c", {"a_c"}),
        ("[x]", {"[x]"}),
        ("b", {"b"}),
        ("?", {"a", "b", "B", "ä", "\\", "x"}),
        ("", {""}),
        ("\\\\", {"\\"}),
        ("*", {*TOPICS, "x"}),
    ],
)
async def test_patterns_match_letter_by_letter(notes, pattern, found):
    seen = matching(lambda row: row.topic.partition("\0")[0] in found)

    assert await keys(notes, Like("topic", pattern)) == seen


async def test_only_the_rows_of_the_named_tenants_are_found(notes):
    assert await keys(notes, tenants=("u",)) == [13, 14]
    assert len(await keys(notes, tenants=("t", "u"))) == 14
    assert await keys(notes, tenants=()) == []
    assert (await notes.search(query(tenants=("u",)))).total == 2


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ((), lambda pair: pair[0]),
        ((Sort("key", descending=True),), lambda pair: -pair[0]),
        ((Sort("topic"),), lambda pair: (pair[1], pair[0])),
        ((Sort("rank"), Sort("topic")), lambda pair: (pair[0] % 4, pair[1], pair[0])),
        ((Sort("rank", descending=True),), lambda pair: (-(pair[0] % 4), -pair[0])),
        ((Sort("rank", descending=True), Sort("key")), lambda pair: (-(pair[0] % 4), pair[0])),
    ],
)
async def test_rows_come_in_the_order_asked_for_and_pages_join_without_seam(notes, sort, order):
    expected = [key for key, _ in sorted(enumerate(TOPICS, 1), key=order)]
    assert await keys(notes, sort=sort) == expected

    names = [one.column for one in sort]
    names += [] if "key" in names else ["key"]
    forward, edge = [], None
    while True:
        page = await notes.search(query(sort=sort, limit=4, after=edge))
        if not page.rows:
            break
        forward += [row["key"] for row in page.rows]
        edge = tuple(page.rows[-1][name] for name in names)
    assert forward == expected

    backward = []
    while True:
        page = await notes.search(query(sort=sort, limit=4, before=edge))
        if not page.rows:
            break
        backward = [row["key"] for row in page.rows] + backward
        edge = tuple(page.rows[0][name] for name in names)
    assert backward == expected[:-1]


async def test_pages_can_be_counted_off_by_offset(notes):
    page = await notes.search(query(sort=(Sort("key"),), offset=10, limit=3))

    assert [row["key"] for row in page.rows] == [11, 12, 13]
    assert (page.total, page.has_more) == (14, False)


async def test_the_total_is_left_out_when_nobody_asks(notes):
    assert (await notes.search(query(total=False, limit=1))).total == 0


async def test_the_total_is_exact_up_to_the_bound_and_says_when_there_are_more(rig):
    rows = [RowChange("notes", key, "t", {"rank": 1}) for key in range(1, TOTAL_EXACT + 3)]
    await rig.save(rows=rows[:TOTAL_EXACT])
    page = await rig.store.search(query(limit=1))
    assert (page.total, page.has_more) == (TOTAL_EXACT, False)

    await rig.save(rows=rows[TOTAL_EXACT:])

    page = await rig.store.search(query(limit=1))
    assert (page.total, page.has_more) == (TOTAL_EXACT, True)


async def test_columns_nobody_set_are_zero_or_empty(rig):
    await rig.save(rows=[RowChange("notes", 1, "t", {"topic": "x"})])

    (row,) = (await rig.store.search(query())).rows

    assert row == {"key": 1, "tenant": "t", "topic": "x", "rank": 0, "task": 0, "body": b""}


async def test_rows_change_column_by_column_in_order_and_can_be_removed(rig):
    await rig.save(rows=[RowChange("notes", 1, "t", {"topic": "x", "body": b"\x00{"})])
    await rig.save(
        rows=[
            RowChange("notes", 1, "t", {"rank": 3}),
            RowChange("notes", 1, "t", {"rank": 4, "topic": "y"}),
            RowChange("notes", 2, "t", {"rank": 5}),
            RowChange("notes", 2, "t", None),
            RowChange("notes", 3, "t", None),
            RowChange("notes", 1, "t", {}),
        ]
    )

    (row,) = (await rig.store.search(query())).rows

    assert row == {"key": 1, "tenant": "t", "topic": "y", "rank": 4, "task": 0, "body": b"\x00{"}


async def test_groups_are_counted(notes):
    assert dict(await notes.aggregate(query(), ("rank",))) == {(0,): 3, (1,): 4, (2,): 4, (3,): 3}
    by_two = dict(await notes.aggregate(query(Compare("rank", "eq", 1)), ("tenant", "rank")))
    assert by_two == {("t", 1): 3, ("u", 1): 1}


async def test_a_column_that_is_not_declared_is_an_error(notes):
    with pytest.raises(ValueError, match="secret"):
        await notes.search(query(Compare("secret", "eq", 1)))
    with pytest.raises(ValueError, match="body"):
        await notes.search(query(Exists("body")))
    with pytest.raises(ValueError, match="secret"):
        await notes.search(query(sort=(Sort("secret"),)))


@pytest.mark.parametrize(
    "filter_",
    [
        Compare("rank", "eq", "1"),
        Compare("topic", "gt", 1),
        In("rank", (1, 1 << 63)),
        In("topic", (b"x",)),
        Like("rank", "*"),
    ],
)
async def test_a_value_that_does_not_fit_its_column_is_an_error(notes, filter_):
    with pytest.raises(ValueError, match="cannot hold"):
        await notes.search(query(filter_))


async def test_a_cursor_of_another_sort_is_an_error(notes):
    with pytest.raises(ValueError, match="cursor"):
        await notes.search(query(sort=(Sort("topic"),), after=(1,)))


@pytest.fixture
async def tasks(rig, task):
    await rig.create(
        task(1, queue="a"), attributes=b'{"color":"red","n":5,"deep":{"x":1},"yes":true,"none":null,"f":1.5}'
    )
    await rig.create(task(2, queue="b", tenant="u"), attributes=b'{"color":"blue","n":12}')
    await rig.create(task(3, queue="a", state=LEASED, worker="w"), attributes=b'{"color":"re\xc3\xb6"}')
    await rig.finish(task(3, queue="a", state=COMPLETED, worker="w", finished_by="w"))
    await rig.save(
        rows=[RowChange("notes", key, "t", {"task": key % 4, "topic": f"n{key}"}) for key in (1, 2, 7)]
    )
    return rig.store


async def found(store, filter_=EVERYTHING, **rest):
    page = await store.search(Query(view="tasks", tenants=None, filter=filter_, **rest))
    return [row["key"] for row in page.rows]


async def test_the_task_view_shows_hot_and_ended_tasks_as_one(tasks):
    assert await found(tasks) == [1, 2, 3]
    assert await found(tasks, Compare("state", "eq", 4)) == [3]
    assert await found(tasks, Compare("queue", "eq", "a")) == [1, 3]
    (row,) = (await tasks.search(Query(view="tasks", tenants=("u",)))).rows
    assert (row["queue"], row["attributes"], row["callback"]) == ("b", b'{"color":"blue","n":12}', 0)


@pytest.mark.parametrize(
    ("filter_", "keys_"),
    [
        (Compare("attributes.color", "eq", "red"), [1]),
        (Like("attributes.color", "re?"), [1, 3]),
        (In("attributes.color", ("blue", "green")), [2]),
        (Compare("attributes.n", "eq", "5"), [1]),
        (Exists("attributes.n"), [1, 2]),
        (Not(Exists("attributes.color")), []),
        (Exists("attributes.none"), []),
        (Compare("attributes.missing", "eq", ""), [1, 2, 3]),
        (Compare("attributes.yes", "eq", "true"), [1]),
        (Exists("attributes.deep"), []),
        (Exists("attributes.f"), []),
    ],
)
async def test_members_of_the_attributes_are_searched_as_text(tasks, filter_, keys_):
    assert await found(tasks, filter_) == keys_


async def test_members_of_the_attributes_can_be_sorted_by(tasks):
    assert await found(tasks, sort=(Sort("attributes.color"),)) == [2, 1, 3]


async def test_rows_are_found_by_what_a_related_row_says(tasks):
    filter_ = Related("notes", "task", "key", Like("topic", "n*"))
    assert await found(tasks, filter_) == [1, 2, 3]
    assert await found(tasks, Related("notes", "task", "key", Compare("topic", "eq", "n7"))) == [3]
    assert await found(tasks, Not(Related("notes", "task", "key", Compare("topic", "eq", "n7")))) == [1, 2]
    page = await tasks.search(query(Related("tasks", "key", "task", Compare("queue", "eq", "b"))))
    assert [row["key"] for row in page.rows] == [2]
