"""Commands that call a running server: tasks and keys, who may, and what is said when it goes wrong."""

import io
import json
import sys
import urllib.request

import pytest

from taskloom.cli.main import main
from tests.server.fixtures import ROOT_KEY


@pytest.fixture
def queue(request):
    """A queue that only this test uses."""
    return request.node.name[:60]


def make(shell, queue, count=1, **fields):
    """New tasks; their keys."""
    body = {"items": [{"queue": queue, "input": {"n": number}, **fields} for number in range(count)]}
    call = urllib.request.Request(
        shell.process.url + "/api/v1/tasks",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {ROOT_KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(call, timeout=30) as answer:
        return [item["key"] for item in json.load(answer)["items"]]


def test_tasks_are_listed_newest_first_as_a_table_and_as_json(shell, queue):
    made = make(shell, queue, 3)

    table = shell("task", "list", "--queue", queue).splitlines()
    found = shell.json("task", "list", "--queue", queue, "--limit", "2")
    oldest = shell.json("task", "list", "--queue", queue, "--oldest", "--limit", "1")

    assert table[0].split()[:4] == ["KEY", "QUEUE", "LEVEL", "STATE"]
    assert [line.split()[0] for line in table[1:]] == made[::-1]
    assert [task["key"] for task in found] == made[:0:-1]
    assert [task["key"] for task in oldest] == made[:1]


def test_one_task_is_shown_with_what_it_holds(shell, queue):
    (key,) = make(shell, queue)

    assert shell.json("task", "get", key)["input"] == {"n": 0}
    assert '{"n": 0}' in shell("task", "get", key)


def test_tasks_are_cancelled_by_key(shell, queue):
    keys = make(shell, queue, 2)

    outcomes = shell.json("task", "cancel", *keys, "--reason", "not needed")

    assert [one["status"] for one in outcomes] == ["cancelled", "cancelled"]
    assert shell.json("task", "get", keys[0])["error"]["detail"] == "not needed"


def test_open_tasks_are_cancelled_by_a_filter_and_others_stay(shell, queue):
    keys, (other,) = make(shell, queue, 3), make(shell, queue, level=2)

    shell("task", "cancel", "--queue", queue, "--level", "1", status=2)
    assert "--yes" in shell.err
    shell("task", "cancel", "--queue", queue, "--level", "1", "--dry-run")
    assert "3 tasks would be cancelled" in shell.err
    assert len(shell.json("task", "list", "--queue", queue, "--state", "ready")) == 4
    shell("task", "cancel", "--queue", queue, "--level", "1", "--yes")

    left = shell.json("task", "list", "--queue", queue, "--state", "ready")
    assert [task["key"] for task in left] == [other]
    assert len(shell.json("task", "list", "--queue", queue, "--state", "cancelled")) == len(keys)


def test_what_cannot_be_cancelled_is_said_and_the_others_are(shell, queue):
    (key,) = make(shell, queue)

    outcomes = shell.json("task", "cancel", "1", key, status=1)

    assert [one["status"] for one in outcomes] == ["refused", "cancelled"]


@pytest.mark.parametrize("words", [[], ["1", "--queue", "q"]])
def test_a_cancellation_says_which_tasks_in_one_way(shell, words):
    shell("task", "cancel", *words, status=2)


def test_a_key_is_made_shown_once_and_revoked(shell, queue, monkeypatch):
    made = shell.json("key", "create", "k1", "--scope", "task.read", "--scope", "task.write", "--rate", "0")
    assert "only now" in shell.err
    listed = shell.json("key", "list")
    monkeypatch.setenv("TASKLOOM_KEY", made["secret"])
    shell("task", "list", "--queue", queue)
    shell("key", "list", status=4)
    monkeypatch.setenv("TASKLOOM_KEY", ROOT_KEY)

    revoked = shell.json("key", "revoke", "k1")

    assert made["scopes"] == ["task.read", "task.write"]
    assert [key["name"] for key in listed if "secret" in key] == []
    assert revoked["revoked_at"] is not None
    assert shell.json("key", "show", "k1") == revoked
    monkeypatch.setenv("TASKLOOM_KEY", made["secret"])
    shell("task", "list", status=4)


def test_a_key_for_every_tenant_stands_apart(shell):
    shell("key", "create", "everywhere", "--scope", "metrics.read", "--every-tenant")

    assert "everywhere" in {key["name"] for key in shell.json("key", "list", "--every-tenant")}
    assert "everywhere" not in {key["name"] for key in shell.json("key", "list")}
    shell("key", "show", "everywhere", status=5)


def test_the_administrator_names_a_tenant(shell):
    shell("key", "create", "k-north", "--scope", "task.read", "--tenant", "north")

    assert [key["name"] for key in shell.json("key", "list", "--tenant", "north")] == ["k-north"]
    assert shell.json("task", "list", "--tenant", "north") == []


def test_a_queue_is_registered(shell):
    shell("queue", "register", "embed-a", "/v1/embeddings", "--model", "m")

    shell("queue", "register", "embed-a", "/v1/other", status=1)
    assert "409" in shell.err


def test_the_key_may_come_from_a_file(shell, tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text(f"{ROOT_KEY}\n")
    monkeypatch.delenv("TASKLOOM_KEY")
    shell("key", "list", status=4)

    shell("key", "list", "--key-file", file)
    monkeypatch.setenv("TASKLOOM_KEY_FILE", str(file))
    shell("key", "list")
    shell("key", "list", "--key-file", tmp_path / "nothing", status=2)


def test_a_server_that_does_not_answer_has_a_status_of_its_own(shell, unused_tcp_port):
    shell("task", "list", "--url", f"http://127.0.0.1:{unused_tcp_port}", status=3)

    assert shell.err.startswith("taskloom: no server answers at")


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://host", "http://", "http://host:port"])
def test_what_is_no_url_of_a_server_is_said(shell, url):
    shell("task", "list", "--url", url, status=2)


def test_what_is_not_there_has_a_status_of_its_own(shell):
    shell("task", "get", "1", status=5)

    assert shell.err == "taskloom: there is no such task (404)\n"


def test_the_help_of_key_warns_and_no_table_obeys_escapes(shell, queue, capsys):
    with pytest.raises(SystemExit):
        main(["task", "list", "--help"])
    assert "other users of this machine see it" in " ".join(capsys.readouterr().out.split())
    (key,) = make(shell, queue)
    shell("task", "cancel", key, "--reason", "\x1b[2Jgone")

    assert "\x1b" not in shell("task", "get", key)


def test_a_user_is_added_with_a_password_that_no_command_shows(shell, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    shell("user", "add", "anna", "--role", "reviewer")
    monkeypatch.setattr(sys, "stdin", io.StringIO("another good password\n"))
    shell("user", "password", "anna")

    assert [(user["name"], user["role"]) for user in shell.json("user", "list")] == [("anna", "reviewer")]
    shell("user", "remove", "anna")
    assert shell.json("user", "list") == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    shell("user", "add", "anna", "--role", "viewer", status=1)
