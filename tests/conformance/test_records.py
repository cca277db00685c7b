"""Records with versions, and the answers kept under idempotency keys."""

import pytest

from taskloom.core.records import Record
from taskloom.ports.store import IdempotencyRow, Load


def record(name, version=1, body=b"{}", *, kind="queue", tenant="t", key=0):
    return Record(kind, tenant, name, version, body, key)


async def test_a_record_comes_back_by_name_and_by_key(rig):
    stored = record("invoices", body=b'"\x00"', key=99)
    await rig.save(records=[stored, record("other")])

    assert await rig.store.record("queue", "t", "invoices") == stored
    assert await rig.store.record_by_key(99) == stored
    assert await rig.store.record_by_key(98) is None
    assert await rig.store.record("queue", "u", "invoices") is None


async def test_a_record_is_replaced_by_its_next_version_and_can_be_removed(rig):
    await rig.save(records=[record("a"), record("b")])

    def work():
        yield Load(records=[("queue", "t", "a"), ("queue", "t", "b")])
        yield rig.saving(records=[record("a", 2, b"new")], records_removed=[("queue", "t", "b")])

    await rig.begin(work())

    assert await rig.store.record("queue", "t", "a") == record("a", 2, b"new")
    assert await rig.store.record("queue", "t", "b") is None


async def test_records_load_in_a_batch_by_name_and_by_key(rig):
    await rig.save(records=[record("a", key=5), record("b", key=6)])

    (answer,) = await rig.ask(Load(records=[("queue", "t", "a"), ("queue", "t", "x")], records_by_key=[6, 7]))

    assert answer.records == {record("a").id: record("a", key=5), record("b").id: record("b", key=6)}


async def test_key_zero_names_no_record(rig):
    await rig.save(records=[record("a")])

    assert await rig.store.record_by_key(0) is None


async def test_records_are_listed_by_name(rig):
    names = ["b", "B", "a", "ä", "a1", "Z"]
    await rig.save(records=[record(name) for name in names])
    await rig.save(records=[record("aa", kind="key"), record("aa", tenant="u")])

    listed = await rig.store.records("queue", "t", "", 100)

    assert [one.name for one in listed] == sorted(names)
    assert [one.name for one in await rig.store.records("queue", "t", "a", 2)] == ["a1", "b"]
    assert [one.tenant for one in await rig.store.records("queue", None, "a1", 1)] == ["u"]


async def test_an_answer_is_kept_under_its_idempotency_key(rig):
    slot = ("t", "task.create", "k-1")
    row = IdempotencyRow(*slot, b"\x00digest", b"answer", 5)
    await rig.save(idempotency=[row])

    (answer,) = await rig.ask(Load(idempotency=[slot, ("u", "task.create", "k-1")]))

    assert answer.idempotency == {slot: row}


async def test_a_second_answer_under_one_idempotency_key_is_refused_whole(rig, task, new_task):
    row = IdempotencyRow("t", "s", "k", b"d", b"first", 5)
    await rig.save(idempotency=[row])

    with pytest.raises(Exception):  # noqa: B017  each database has its own
        await rig.save(
            idempotency=[IdempotencyRow("t", "s", "k", b"d", b"second", 6)], created=[new_task(task(1))]
        )

    assert await rig.store.task(1) is None
    (answer,) = await rig.ask(Load(idempotency=[("t", "s", "k")]))
    assert answer.idempotency[("t", "s", "k")].answer == b"first"
