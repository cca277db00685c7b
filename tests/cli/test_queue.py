"""Queues from the shell: what stands in them, and what holds for them."""

import contextlib

import pytest

from taskloom.cli.remote import Server
from tests.server.fixtures import ROOT_KEY


@pytest.fixture
def server(shell):
    with contextlib.closing(Server(shell.process.url, ROOT_KEY)) as server:
        yield server


@pytest.fixture
def queue(request, server):
    """A queue with two tasks of the administrator at level 1 and one at level 2."""
    name = "".join(char for char in request.node.name if char.isalnum())[:60]
    server.post("/v1/queue/register", {"queue": name, "endpoint": "/v1/x"})
    for level in (1, 1, 2):
        server.post("/v1/queue/put", {"endpoint": "/v1/x", "queue": name, "level": level, "data": {}})
    return name


def taken(server, queue):
    return server.post("/v1/queue/take", {"queues": [f"{queue}:1"], "size": 10}).get(f"{queue}:1", [])


def test_queues_are_listed_with_what_waits(shell, queue):
    (mine,) = [one for one in shell.json("queue", "list") if one["queue"] == queue]

    assert (mine["ready"], mine["in_flight"]) == (3, 0)
    assert queue in shell("queue", "list")


def test_each_key_is_shown_with_what_it_has_and_has_had(shell, server, queue):
    (task, _) = taken(server, queue)
    server.post(f"/v1/queue/{task['task_id']}/complete", {"status_code": 200, "body": {}})

    rows = shell.json("queue", "stats", queue)

    assert [(row["key"], row["level"], row["in_flight"], row["ended"]) for row in rows][:1] == [
        ("root", 1, 1, 1)
    ]
    assert "KEY" in shell("queue", "stats", queue)


def test_limits_are_set_shown_and_kept(shell, server, queue):
    shell("queue", "set", queue, "--limit", "1")

    shown = shell.json("queue", "show", queue)

    assert shown["limit"] == 1
    assert len(taken(server, queue)) == 1
    assert "keys" not in shell("queue", "show", queue).split()


def test_one_key_gets_settings_of_its_own(shell, queue):
    shown = shell.json("queue", "set", queue, "--of", "root", "--weight", "3", "--limit", "2")

    assert {(key["weight"], key["limit"]) for key in shown["keys"]} == {(3, 2)}


@pytest.mark.parametrize("words", [[], ["--weight", "2"], ["--of", "root", "--key-limit", "2"]])
def test_what_cannot_be_set_is_said(shell, words):
    shell("queue", "set", "any", *words, status=2)


def test_a_paused_queue_hands_nothing_out_until_it_is_resumed(shell, server, queue):
    assert shell.json("queue", "pause", queue)["paused_until"] == "resumed"
    assert taken(server, queue) == []
    assert shell.json("queue", "pause", queue, "--seconds", "60")["paused_until"].endswith("Z")

    assert shell.json("queue", "resume", queue)["paused_until"] is None
    assert len(taken(server, queue)) == 2


def test_one_key_is_paused_by_itself(shell, server, queue):
    shell("queue", "pause", queue, "--of", "root")

    assert taken(server, queue) == []
    shell("queue", "resume", queue, "--of", "root")
    assert len(taken(server, queue)) == 2


def test_what_nobody_has_taken_is_cleared_after_asking(shell, server, queue):
    (held, _) = taken(server, queue)
    server.post("/v1/queue/put", {"endpoint": "/v1/x", "queue": queue, "level": 1, "data": {}})

    shell("queue", "clear", queue, "--level", "1", status=2)
    shell("queue", "clear", queue, "--level", "1", "--dry-run")
    assert "1 tasks would be cancelled" in shell.err
    cleared = shell.json("queue", "clear", queue, "--level", "1", "--yes")

    assert (cleared["queue"], cleared["state"]) == (queue, "completed")
    states = [(task["level"], task["state"]) for task in shell.json("task", "list", "--queue", queue)]
    assert sorted(states) == [(1, "cancelled"), (1, "leased"), (1, "leased"), (2, "ready")]
    assert held


def test_a_queue_is_cleared_at_every_level_in_one_call(shell, queue):
    shell("queue", "clear", queue, "--yes")

    states = {(task["level"], task["state"]) for task in shell.json("task", "list", "--queue", queue)}
    assert states == {(1, "cancelled"), (2, "cancelled")}
