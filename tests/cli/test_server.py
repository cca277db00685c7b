"""The client of the commands: a busy server, a proxy with a path, TLS, and what is no server of ours."""

import contextlib
import http.server
import io
import json
import sys
import threading

import pytest

from taskloom.cli import remote
from taskloom.cli.actions import confirmed
from taskloom.cli.failure import Failure
from taskloom.cli.main import main
from taskloom.cli.remote import Server
from tests.server.fixtures import ROOT_KEY
from tests.server.test_process import self_signed


@contextlib.contextmanager
def answering(*answers):
    """A server that gives these answers, (status, headers, body) each, and notes what it was asked."""
    left, asked = list(answers), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def pauses(monkeypatch):
    """How long was waited between two tries; nobody really waits."""
    waited = []
    monkeypatch.setattr(remote.time, "sleep", waited.append)
    return waited


@contextlib.contextmanager
def connected(url):
    with contextlib.closing(Server(url, None)) as server:
        yield server


def test_a_busy_server_is_asked_again_after_as_long_as_it_says(pauses):
    busy = [(503, {"retry-after": "2"}, b"{}"), (429, {"retry-after": "soon"}, b"{}"), (200, {}, b"[1]")]

    with answering(*busy) as (url, asked), connected(url) as server:
        assert server.get("/x") == [1]

    assert (pauses, len(asked)) == ([2, 1], 3)


def test_a_server_that_stays_busy_is_given_up(pauses):
    busy = (503, {"retry-after": "9999"}, b'{"detail": "full"}')

    with answering(*[busy] * 5) as (url, _), connected(url) as server, pytest.raises(Failure, match="full"):
        server.get("/x")

    assert pauses == [30] * 4


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"detail": "native"}', "native (400)"),
        (b'{"message": "queue"}', "queue (400)"),
        (b'{"error": {"message": "openai"}}', "openai (400)"),
        (b'{"error": "agents"}', "agents (400)"),
        (b"<html>", "the server refused (400)"),
        (b"[]", "the server refused (400)"),
    ],
)
def test_a_refusal_is_read_in_every_dialect(body, said):
    with answering((400, {}, body)) as (url, _), connected(url) as server, pytest.raises(Failure) as refusal:
        server.get("/x")

    assert str(refusal.value) == said


def test_an_answer_that_is_no_json_is_no_server_of_ours():
    with (
        answering((200, {}, b"<html>")) as (url, _),
        connected(url) as server,
        pytest.raises(Failure, match="no JSON"),
    ):
        server.get("/x")


def test_the_path_of_a_proxy_stays_in_front():
    with answering((200, {}, b"{}")) as (url, asked), connected(f"{url}/tasks/") as server:
        server.get("/api/v1/me", {"a": "x y", "none": None, "many": ["1", "2"]})

    assert asked == ["/tasks/api/v1/me?a=x+y&many=1&many=2"]


def test_tls_is_spoken_and_the_certificate_is_checked(tmp_path, started, monkeypatch, capsys):
    certificate, private = self_signed(tmp_path)
    url = started(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(private)).url
    monkeypatch.setenv("TASKLOOM_KEY", ROOT_KEY)

    assert main(["key", "list", "--url", url]) == 3
    assert "certificate verify failed" in capsys.readouterr().err
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert main(["key", "list", "--every-tenant", "--url", url, "--json"]) == 0
    assert [key["name"] for key in json.loads(capsys.readouterr().out)] == ["root"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_who_is_at_a_terminal_is_asked(monkeypatch, capsys, typed, answer):
    class Arguments:
        yes = False

    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert confirmed(Arguments(), "Cancel 3 tasks?") is answer
    assert capsys.readouterr().err == "Cancel 3 tasks? [y/N] "
