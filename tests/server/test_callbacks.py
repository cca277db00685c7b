"""A callback from the task's end to the receiver, through a real server process."""

import http.server
import json
import queue
import threading
import time
import urllib.request

import pytest
from standardwebhooks import Webhook

from tests.server.fixtures import ROOT_KEY, Process


class Receiver:
    """Answers each call with the next of `statuses`, the last one for ever, and keeps what came."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.calls = queue.Queue()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.calls.put(({name.lower(): value for name, value in self.headers.items()}, body))
                status = outer.statuses.pop(0) if len(outer.statuses) > 1 else outer.statuses[0]
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def next(self, timeout_s=30):
        return self.calls.get(timeout=timeout_s)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver():
    made = Receiver(204)
    yield made
    made.close()


@pytest.fixture
def trusting(tmp_path):
    process = Process(tmp_path, "--callbacks-allow", "127.0.0.1").start()
    yield process
    process.kill()


def called(process, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {ROOT_KEY}", "content-type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(process.url + path, data, headers), timeout=30
    ) as answer:
        return json.loads(answer.read())


def completed_task(process, callback_url):
    """Put a task that asks to be told, take it, complete it; its id."""
    called(process, "/v1/queue/register", {"queue": "q", "endpoint": "/v1/embeddings"})
    put = {"queue": "q", "endpoint": "/v1/embeddings", "level": 1, "data": {}, "callback_url": callback_url}
    task_id = called(process, "/v1/queue/put", put)["data"]
    called(process, "/v1/queue/take", {"queues": ["q:1"]})
    called(process, f"/v1/queue/{task_id}/complete", {"status_code": 200, "body": {"done": True}})
    return task_id


def test_the_receiver_is_told_with_a_signature_it_can_check(trusting, receiver):
    task_id = completed_task(trusting, receiver.url)

    headers, body = receiver.next()

    (secret,) = called(trusting, "/api/v1/callbacks/secret")["secrets"]
    told = Webhook(secret).verify(body, headers)
    assert task_id in str(told)
    assert headers["webhook-id"].startswith("msg_")


def test_a_call_that_was_not_marked_before_a_kill_is_made_again_with_the_same_id(tmp_path, receiver):
    process = Process(tmp_path, "--callbacks-allow", "127.0.0.1", TASKLOOM_FAULT="outbox_sent:1").start()
    completed_task(process, receiver.url)
    first, _ = receiver.next()
    process.wait()

    again = Process(tmp_path, "--callbacks-allow", "127.0.0.1").start()
    second, _ = receiver.next()
    again.kill()

    assert second["webhook-id"] == first["webhook-id"]


def test_a_task_whose_address_is_gone_ends_its_call_and_no_other(trusting):
    """410 is about the one call: another task may name the same address again."""
    receiver = Receiver(410, 204)
    completed_task(trusting, receiver.url)
    gone, _ = receiver.next()
    completed_task(trusting, receiver.url)
    taken, _ = receiver.next()
    receiver.close()

    listed = {}
    deadline = time.monotonic() + 30
    while len(listed) < 2 and time.monotonic() < deadline:
        items = called(trusting, "/api/v1/deliveries")["items"]
        listed = {item["message_id"]: item["state"] for item in items if item["state"] != "pending"}
    assert listed == {gone["webhook-id"]: "failed", taken["webhook-id"]: "delivered"}


def test_without_trust_nobody_inside_is_called(process, receiver):
    completed_task(process, receiver.url)

    with pytest.raises(queue.Empty):
        receiver.next(timeout_s=2)
