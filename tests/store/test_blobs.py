"""Files kept in a local directory."""

import contextlib
import hashlib
import os
import time
from pathlib import Path

import pytest

from taskloom.ports.blobs import BlobMissing, BlobTooLarge
from taskloom.store.blobs import LocalBlobs


@pytest.fixture
def blobs(tmp_path):
    return LocalBlobs(tmp_path / "blobs")


def kept(tmp_path):
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def put(blobs, *pieces, limit=100):
    incoming = blobs.incoming(limit)
    for piece in pieces:
        incoming.write(piece)
    return incoming.commit()


def test_a_file_is_read_as_it_was_written(blobs):
    blob = put(blobs, b"one", b"", b"two")

    assert (blob.size, blob.sha256) == (6, hashlib.sha256(b"onetwo").hexdigest())
    assert blobs.read(blob.key) == b"onetwo"
    assert list(blobs.pieces(blob.key, 4)) == [b"onet", b"wo"]


def test_the_same_bytes_twice_are_two_files(blobs):
    assert put(blobs, b"x").key != put(blobs, b"x").key


def test_nothing_is_kept_of_a_file_that_is_too_large_or_given_up(blobs, tmp_path):
    incoming = blobs.incoming(3)
    incoming.write(b"abc")
    with pytest.raises(BlobTooLarge):
        incoming.write(b"d")

    incoming.discard()

    assert kept(tmp_path) == [tmp_path / "blobs" / "held"]


def test_deleting_is_for_good_and_may_be_repeated(blobs):
    blob = put(blobs, b"x")

    for _ in range(2):
        blobs.delete(blob.key)

    with pytest.raises(BlobMissing):
        blobs.read(blob.key)


@pytest.mark.parametrize("key", ["", "..", "../secret", "a/b", "A" * 32, "\0" * 32, "a" * 31, "incoming"])
def test_a_key_is_never_a_path(blobs, tmp_path, key):
    (tmp_path / "secret").write_bytes(b"secret")

    for ask in (blobs.read, lambda key: blobs.pieces(key, 10), blobs.delete):
        with pytest.raises(BlobMissing):
            ask(key)

    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_what_a_crash_left_half_written_is_loose_after_a_day(blobs, tmp_path):
    half = blobs.incoming(100)
    half.write(b"half")
    (path,) = (tmp_path / "blobs").glob("??/*")
    assert blobs.loose("", 10) == []

    aged(tmp_path)
    assert blobs.loose("", 10) == [path.name]

    half.discard()
    assert kept(tmp_path) == [tmp_path / "blobs" / "held"]


def test_the_day_of_a_loose_file_begins_when_it_is_whole(blobs, tmp_path):
    slow = blobs.incoming(100)
    aged(tmp_path)

    slow.commit()

    assert blobs.loose("", 10) == []


def test_while_they_are_held_no_name_goes_away(blobs, tmp_path):
    """Any tool copies what it found in a folder a moment ago, and fails when it is not there."""
    committed, discarded, kept_one, deleted = (
        blobs.incoming(9),
        blobs.incoming(9),
        put(blobs, b"x"),
        put(blobs, b"y"),
    )

    with LocalBlobs(tmp_path / "blobs").held():
        there = kept(tmp_path)
        blob = committed.commit()
        blobs.keep([kept_one.key, blob.key])
        discarded.discard()
        blobs.delete(deleted.key)
        assert set(kept(tmp_path)) >= set(there)
    blobs.keep([])

    shelved = {path.name for path in (tmp_path / "blobs").glob("??/*")}
    assert shelved == {blob.key, kept_one.key}
    assert list((tmp_path / "blobs" / "loose").iterdir()) == []


def test_what_is_held_is_not_deleted_until_it_is_let_go(blobs, tmp_path):
    first, second = put(blobs, b"x"), put(blobs, b"y")
    other = LocalBlobs(tmp_path / "blobs")  # as another process would see them

    with other.held():
        blobs.delete(first.key)
        assert blobs.read(first.key) == b"x"
    blobs.delete(second.key)

    for key in (first.key, second.key):
        with pytest.raises(BlobMissing):
            blobs.read(key)


def test_who_held_them_himself_deletes_when_he_lets_go(blobs):
    blob = put(blobs, b"x")

    with blobs.held():
        blobs.delete(blob.key)
        assert blobs.read(blob.key) == b"x"

    with pytest.raises(BlobMissing):
        blobs.read(blob.key)


def test_two_may_hold_them_at_once(blobs, tmp_path):
    blob = put(blobs, b"x")
    other = LocalBlobs(tmp_path / "blobs")

    with blobs.held():
        with other.held():
            blobs.delete(blob.key)
        assert blobs.read(blob.key) == b"x"
    with pytest.raises(BlobMissing):
        blobs.read(blob.key)


def test_in_a_copied_folder_what_was_only_begun_is_loose(blobs, tmp_path):
    kept_one, kept_other = put(blobs, b"one"), put(blobs, b"other")
    blobs.keep([kept_one.key, kept_other.key])
    old = time.time() - 180_000
    for path in (tmp_path / "blobs").glob("??/*"):
        os.utime(path, (old, old))
    begun = blobs.incoming(100)

    sizes = sorted(blobs.copy_to(tmp_path / "copy"))
    begun.discard()

    copy = LocalBlobs(tmp_path / "copy")
    assert sizes == [0, 3, 5]
    assert (copy.read(kept_one.key), copy.read(kept_other.key)) == (b"one", b"other")
    (loose,) = (tmp_path / "copy" / "loose").iterdir()
    assert loose.name not in (kept_one.key, kept_other.key)


def test_a_file_whose_pieces_nobody_takes_is_not_left_open(blobs, tmp_path):
    blob = put(blobs, b"one")

    pieces = blobs.pieces(blob.key, 4)
    assert opened(tmp_path)
    del pieces

    assert not opened(tmp_path)


def opened(folder):
    """The files under a folder that this process has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing itself is one of them, and closed by now
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(str(folder))]


def aged(tmp_path):
    """Two days go by for all that is loose."""
    for path in (tmp_path / "blobs" / "loose").iterdir():
        os.utime(path, (time.time() - 180_000, time.time() - 180_000))


def test_what_nobody_keeps_is_loose_after_a_day(blobs, tmp_path):
    first, second, kept_one = (put(blobs, b"x") for _ in range(3))
    blobs.keep([kept_one.key])
    assert blobs.loose("", 10) == []

    aged(tmp_path)

    one, other = sorted((first.key, second.key))
    assert blobs.loose("", 10) == [one, other]
    assert blobs.loose("", 1) == [one]
    assert blobs.loose(one, 10) == [other]


def test_what_is_deleted_is_not_loose(blobs, tmp_path):
    blob = put(blobs, b"x")

    blobs.delete(blob.key)

    assert kept(tmp_path) == [tmp_path / "blobs" / "held"]


def test_what_could_not_be_deleted_before_the_server_ended_is_loose(blobs, tmp_path):
    blob = put(blobs, b"x")
    blobs.keep([blob.key])
    with LocalBlobs(tmp_path / "blobs").held():
        blobs.delete(blob.key)

    aged(tmp_path)

    assert LocalBlobs(tmp_path / "blobs").loose("", 10) == [blob.key]


def test_in_a_copy_the_files_of_the_last_day_are_loose(blobs, tmp_path):
    """The database was copied before them: their rows may have come too late."""
    young, old = put(blobs, b"young"), put(blobs, b"old")
    blobs.keep([young.key, old.key])
    os.utime(tmp_path / "blobs" / old.key[:2] / old.key, (time.time() - 180_000, time.time() - 180_000))

    list(blobs.copy_to(tmp_path / "copy"))

    assert [path.name for path in (tmp_path / "copy" / "loose").iterdir()] == [young.key]
