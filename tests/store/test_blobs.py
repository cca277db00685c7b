"""Files kept in a local directory."""

import hashlib
import os
import time

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

    assert kept(tmp_path) == []


def test_what_is_not_committed_cannot_be_read(blobs, tmp_path):
    incoming = blobs.incoming(3)
    incoming.write(b"abc")
    (path,) = kept(tmp_path)

    with pytest.raises(BlobMissing):
        blobs.read(path.name)
    incoming.discard()


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


def test_what_a_crash_left_half_written_goes_after_a_day(blobs, tmp_path):
    blob = put(blobs, b"whole")
    half = tmp_path / "blobs" / "incoming" / ("0" * 32)
    half.write_bytes(b"half")
    assert blobs.sweep() == 0
    os.utime(half, (time.time() - 90_000, time.time() - 90_000))

    assert blobs.sweep() == 1

    assert not half.exists()
    assert blobs.read(blob.key) == b"whole"
