"""Batches from the shell, with a worker that answers their rows."""

import contextlib
import json
import sys
import threading

import pytest

from taskloom.cli.main import main
from taskloom.cli.remote import Server
from tests.server.fixtures import ROOT_KEY


@pytest.fixture
def queue(shell):
    shell("queue", "register", "batch-shell", "/v1/embeddings", "--model", "batch-model")
    return "batch-shell"


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.jsonl"
    asked = [
        {
            "custom_id": f"r-{number}",
            "method": "POST",
            "url": "/v1/embeddings",
            "body": {"model": "batch-model", "input": str(number)},
        }
        for number in range(5)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in asked))
    return file


@contextlib.contextmanager
def worker(shell, queue, bad="r-3"):
    """Somebody who answers every row as it comes, one of them with an error."""
    over = threading.Event()

    def work():
        with contextlib.closing(Server(shell.process.url, ROOT_KEY)) as server:
            while not over.is_set():
                taken = server.post(
                    "/v1/queue/take", {"queues": [f"{queue}:1"], "size": 10, "wait_seconds": 1}
                )
                for task in taken.get(f"{queue}:1", []):
                    status = 429 if task["custom_id"] == bad else 200
                    done = {"status_code": status, "body": {"ok": task["custom_id"]}}
                    server.post(f"/v1/queue/{task['task_id']}/complete", done)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


def test_a_file_of_requests_becomes_files_of_results(shell, queue, rows, tmp_path):
    with worker(shell, queue):
        batch = shell.json(
            "batch", "create", rows, "--endpoint", "/v1/embeddings", "--metadata", "who=me", "--wait"
        )

    assert (batch["status"], batch["metadata"]) == ("completed", {"who": "me"})
    output, errors = tmp_path / "out.jsonl", tmp_path / "errors.jsonl"
    shell("batch", "results", batch["id"], "--output", output, "--errors", errors)
    assert "4 rows completed, 1 failed" in shell.err
    found = [json.loads(line)["custom_id"] for line in output.read_text().splitlines()]
    assert sorted(found) == ["r-0", "r-1", "r-2", "r-4"]
    assert json.loads(errors.read_text())["custom_id"] == "r-3"
    assert batch["id"] in shell("batch", "list", "--limit", "3")
    assert shell.json("batch", "get", batch["id"], "--wait") == batch


def test_a_batch_is_made_of_a_file_that_is_there_and_cancelled(shell, queue, rows):
    first = shell.json("batch", "create", rows, "--endpoint", "/v1/embeddings", "--window", "1h")
    second = shell.json(
        "batch", "create", first["input_file_id"], "--endpoint", "/v1/embeddings", "--queue", queue
    )
    shell("batch", "results", second["id"], status=1)

    cancelled = [shell.json("batch", "cancel", one["id"])["status"] for one in (first, second)]

    assert set(cancelled) <= {"cancelling", "cancelled"}
    assert shell.json("batch", "get", first["id"], "--wait", status=1)["status"] == "cancelled"
    listed = [one["id"] for one in shell.json("batch", "list", "--limit", "2")]
    assert listed == [second["id"], first["id"]]


def test_what_cannot_be_is_said_before_anything_is_made(shell, tmp_path, rows):
    endpoint = ("--endpoint", "/v1/embeddings")
    shell("batch", "create", tmp_path / "nothing.jsonl", *endpoint, status=2)
    shell("batch", "create", rows, *endpoint, "--metadata", "nothing", status=2)
    shell("batch", "create", rows, *endpoint, "--window", "1y", status=1)
    shell("batch", "create", "file-nothing", *endpoint, status=1)
    shell("batch", "get", "BATCH-1-1-260921103000-0001-000001", status=5)


def test_results_go_to_standard_output_where_no_file_is_named(shell, queue, rows, tmp_path, monkeypatch):
    with worker(shell, queue, bad=""):
        batch = shell.json("batch", "create", rows, "--endpoint", "/v1/embeddings", "--wait")
    with (tmp_path / "stdout").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["batch", "results", batch["id"]]) == 0
        monkeypatch.undo()

    assert len((tmp_path / "stdout").read_text().splitlines()) == 5
