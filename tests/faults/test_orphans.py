"""A server that dies between a file and the row that refers to it: the file goes a day later, others stay."""

import os
import time
from pathlib import Path

import pytest

from samples.invoices import make_invoice
from tests.dialects.queue.files import BOUNDARY, form
from tests.faults import client
from tests.faults.stage import TENANTS, multipart, request, wait_for

TWO_DAYS_S = 2 * 86_400


def of_files(_content):
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return "/v1/files", form(b"some lines"), kind


def of_documents(content):
    body, kind = multipart({"file": ("a.pdf", content)})
    return f"/v2/{TENANTS[0]}/project/{client.PROJECT}/upload", body, kind


UPLOADS = {"queue": of_files, "documents": of_documents}


def upload(site, dialect):
    """Bring a file; None when the server died of it."""
    path, body, content_type = UPLOADS[dialect](make_invoice(1).data)
    try:
        return request(
            site.server, "POST", path, body, key=site.keys[TENANTS[0]], **{"content-type": content_type}
        )
    except OSError:
        return None


def blobs(site):
    return {path.name for path in (site.server.data / "blobs").glob("??/*")}


def loose(site):
    return {path.name for path in (site.server.data / "blobs" / "loose").glob("*")}


def age(site):
    """Two days go by for every file."""
    then = time.time() - TWO_DAYS_S
    for path in Path(site.server.data / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


@pytest.mark.parametrize("dialect", UPLOADS)
def test_a_file_whose_row_was_never_written_goes_a_day_later(site, dialect):
    site.server.start()
    assert upload(site, dialect) is not None
    stays = blobs(site)
    site.server.stop()
    site.server.start(fault="blob_committed")
    assert upload(site, dialect) is None
    site.server.wait()
    (orphan,) = blobs(site) - stays

    site.server.start()
    assert loose(site) == {orphan}
    site.server.stop()
    age(site)
    site.server.start()

    wait_for(lambda: not loose(site))
    assert blobs(site) == stays


@pytest.mark.parametrize("dialect", UPLOADS)
def test_a_file_stays_whose_row_was_the_last_thing_the_server_did(site, dialect):
    site.server.start(fault="blob_referred")
    assert upload(site, dialect) is None
    site.server.wait()
    (stays,) = blobs(site)
    assert loose(site) == {stays}
    age(site)

    site.server.start()

    wait_for(lambda: not loose(site))
    assert blobs(site) == {stays}
