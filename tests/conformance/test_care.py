"""What an operator asks of a store: its schema, its complaints, a copy of it, and to be held still."""

from taskloom.ports.store import NotCopiedError


async def test_an_opened_store_has_every_migration_and_no_complaint(rig):
    standing = await rig.store.standing()

    assert (standing.pending, standing.strange) == ((), ())
    assert await rig.store.complaints(thorough=True) == []
    assert await rig.store.complaints(thorough=False) == []


async def test_a_store_that_is_not_open_answers_as_the_open_one_does(rig):
    other = rig.place.new_store()

    assert await other.standing() == await rig.store.standing()
    assert await other.complaints(thorough=True) == []


async def test_a_copy_is_whole_or_there_is_none(rig, tmp_path):
    await rig.save(journal=b"a", events=1, payloads=[(1, b"x")])
    target = tmp_path / "copy.db"

    try:
        rows = await rig.store.copy_to(target, lambda *_: None)
    except NotCopiedError:
        assert not target.exists()
    else:
        assert (rows["journal"], rows["payloads"]) == (1, 1)
        assert target.exists()


async def test_work_goes_on_while_the_files_are_held(rig):
    held = await rig.store.hold(held=True)
    saved = await rig.save(journal=b"a", events=1)
    let_go = await rig.store.hold(held=False)

    assert held is let_go
    assert saved.sequence == 1
    assert await rig.store.sequence() == 1
