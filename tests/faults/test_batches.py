"""A server that dies while it works on a batch: every row comes out once, in one of the files."""

import json
import time
import urllib.request

import pytest

from tests.dialects.queue.files import BOUNDARY, form, jsonl, row
from tests.faults.stage import TENANTS, request

ROWS = 1_203
GUARD_S = 60


class Caller:
    """Brings a batch, works on it, and bears that the server goes away."""

    def __init__(self, site):
        self._site = site
        self._key = site.keys[TENANTS[0]]

    def call(self, method, path, body=None, **headers):
        return request(self._site.server, method, path, body, key=self._key, **headers)

    def insist(self, method, path, body=None):
        """Again, with the server started anew, until it is answered."""
        deadline = time.monotonic() + GUARD_S
        while True:
            try:
                return self.call(method, path, body)
            except OSError:
                assert time.monotonic() < deadline
                if not self._site.server.running:
                    self._site.server.wait()
                    self._site.server.start()

    def make(self):
        wanted = {"queue": "rows", "endpoint": "/v1/embeddings", "models": ["m"]}
        self.insist("POST", "/v1/queue/register", wanted)
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        content = form(jsonl(row(n) for n in range(ROWS)))
        file = self.call("POST", "/v1/files", content, **{"content-type": kind})
        order = {"input_file_id": file["id"], "endpoint": "/v1/embeddings", "completion_window": "24h"}
        return self.insist("POST", "/v1/batches", order)["id"]

    def get(self, batch):
        return self.insist("GET", f"/v1/batches/{batch}")

    def work(self, batch, bad):
        """Claim and complete rows until the batch has ended; those that `bad` names fail."""
        deadline = time.monotonic() + GUARD_S
        claim = {"queues": [{"queue": "rows"}], "size": 400, "worker": "w", "lease_ms": 2_000, "wait_ms": 500}
        while (found := self.get(batch))["status"] not in ("completed", "cancelled"):
            assert time.monotonic() < deadline, found
            for task in self.insist("POST", "/api/v1/tasks/claim", claim)["items"]:
                self._finish(task, bad)
        return found

    def _finish(self, task, bad):
        named = {"key": task["key"], "lease_token": task["lease_token"]}
        if task["attributes"]["custom_id"] in bad:
            self.insist("POST", "/api/v1/tasks/fail", {"items": [{**named, "final": True}]})
        else:
            result = {"status_code": 200, "body": {"echo": task["input"]["input"]}}
            self.insist("POST", "/api/v1/tasks/complete", {"items": [{**named, "result": result}]})

    def lines(self, file):
        """The lines of a file of results by custom id; each once."""
        if file is None:
            return {}
        text = self._raw(f"/v1/files/{file}/content")
        lines = [json.loads(line) for line in text.splitlines()]
        found = {line["custom_id"]: line for line in lines}
        assert len(found) == len(lines)
        return found

    def _raw(self, path):
        call = urllib.request.Request(
            self._site.server.url + path, headers={"authorization": f"Bearer {self._key}"}
        )
        with urllib.request.urlopen(call, timeout=GUARD_S) as answer:
            return answer.read()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "fault",
    [
        "rows_checked",
        "rows_portion:1",
        "rows_portion:3",
        "results_written",
        "before_commit:9",
        "after_commit:11",
    ],
)
def test_no_row_is_lost_or_doubled_when_the_server_dies_at(site, fault):
    site.server.start(fault=fault)
    caller = Caller(site)
    bad = {f"r-{n}" for n in range(0, ROWS, 50)}

    batch = caller.make()
    ended = caller.work(batch, bad)

    output, errors = caller.lines(ended["output_file_id"]), caller.lines(ended["error_file_id"])
    assert set(errors) == bad
    assert set(output) == {f"r-{n}" for n in range(ROWS)} - bad
    assert all(line["response"]["body"] == {"echo": f"text {key[2:]}"} for key, line in output.items())
    counts = {"total": ROWS, "completed": ROWS - len(bad), "failed": len(bad)}
    assert ended["request_counts"] == counts
    files = caller.insist("GET", "/v1/files?purpose=batch_output")["data"]
    assert len(files) == 2


@pytest.mark.timeout(180)
def test_a_batch_that_is_cancelled_while_its_rows_come_in_names_every_row(site):
    site.server.start(fault="rows_portion:2")
    caller = Caller(site)
    batch = caller.make()
    site.server.wait()
    site.server.start(fault="rows_portion:1")
    site.server.wait()
    site.server.start()

    caller.insist("POST", f"/v1/batches/{batch}/cancel")
    ended = caller.work(batch, set())

    output, errors = caller.lines(ended["output_file_id"]), caller.lines(ended["error_file_id"])
    assert set(output) | set(errors) == {f"r-{n}" for n in range(ROWS)}
    assert not set(output) & set(errors)
    assert ended["status"] in ("cancelled", "completed")
