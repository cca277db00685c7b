"""Dead tasks and usage from the shell."""

import contextlib

import pytest

from taskloom.cli.remote import Server
from tests.server.fixtures import ROOT_KEY


@pytest.fixture
def queue(request):
    """A queue that only this test uses."""
    return request.node.name[:60]


@pytest.fixture
def server(shell):
    with contextlib.closing(Server(shell.process.url, ROOT_KEY)) as server:
        yield server


def dead(server, queue, count=1):
    """Tasks that failed for good; their keys."""
    server.post("/api/v1/tasks", {"items": [{"queue": queue}] * count})
    taken = server.post("/api/v1/tasks/claim", {"queues": [{"queue": queue}], "size": count})["items"]
    failed = [
        {
            "key": task["key"],
            "lease_token": task["lease_token"],
            "code": "broken",
            "message": "no",
            "final": True,
        }
        for task in taken
    ]
    server.post("/api/v1/tasks/fail", {"items": failed})
    return [task["key"] for task in taken]


def states(shell, queue):
    return sorted(task["state"] for task in shell.json("task", "list", "--queue", queue))


def test_dead_tasks_are_listed_with_what_they_died_of(shell, server, queue):
    (key,) = dead(server, queue)

    (letter,) = shell.json("task", "dead", "--queue", queue)
    line = shell("task", "dead", "--queue", queue).splitlines()[1]

    assert (letter["key"], letter["error"]) == (key, {"code": "broken", "detail": "no"})
    assert line.split()[0] == key
    assert "broken" in line


def test_dead_tasks_are_replayed_by_key(shell, server, queue):
    first, second = dead(server, queue, 2)

    outcomes = shell.json("task", "replay", first, "1", status=1)

    assert [one["status"] for one in outcomes] == ["ready", "refused"]
    assert [one["key"] for one in shell.json("task", "dead", "--queue", queue)] == [second]


def test_all_that_a_filter_finds_are_replayed_after_asking(shell, server, queue):
    dead(server, queue, 3)
    place = ("--queue", queue, "--code", "broken")

    shell("task", "replay", *place, status=2)
    assert len(shell.json("task", "replay", *place, "--dry-run")) == 3
    shell("task", "replay", "--queue", queue, "--code", "another", "--yes")
    assert states(shell, queue) == ["failed"] * 3
    shell("task", "replay", *place, "--yes")

    assert states(shell, queue).count("ready") == 3
    assert shell.json("task", "dead", "--queue", queue) == []


def test_dead_tasks_are_struck_off_and_stay_failed(shell, server, queue):
    dead(server, queue, 2)

    shell("task", "discard", "--queue", queue, "--yes")

    assert shell.json("task", "dead", "--queue", queue) == []
    assert states(shell, queue) == ["failed"] * 2


@pytest.mark.parametrize("words", [[], ["1", "--queue", "q"], ["1", "--all"]])
def test_it_is_said_which_dead_tasks_in_one_way(shell, words):
    shell("task", "replay", *words, status=2)


def test_usage_is_a_row_a_group_and_their_sum(shell, server, queue):
    server.post("/api/v1/tasks", {"items": [{"queue": queue}] * 2})
    taken = server.post("/api/v1/tasks/claim", {"queues": [{"queue": queue}], "size": 2})["items"]
    used = [{"model": f"m-{number}", "input_tokens": 5 + number} for number in range(2)]
    done = [
        {"key": task["key"], "lease_token": task["lease_token"], "usage": usage}
        for task, usage in zip(taken, used, strict=True)
    ]
    server.post("/api/v1/tasks/complete", {"items": done})

    found = shell.json("usage", "--by", "model", "--by", "queue", "--queue", queue)
    table = shell("usage", "--by", "model", "--queue", queue).splitlines()

    assert sorted((row["model"], row["input_tokens"]) for row in found["items"]) == [("m-0", 5), ("m-1", 6)]
    assert found["total"]["input_tokens"] == 11
    assert table[0].split()[:2] == ["MODEL", "TASKS"]
    assert table[-1].split()[:2] == ["total", "2"]
    assert shell.json("usage", "--of", "nobody")["items"] == []
    shell("usage", "--since", "yesterday", status=1)
