"""F6: the disk is full. Writes are refused and told when to come back, reads answer, it heals by itself."""

import contextlib
import json
import resource
import sqlite3
import urllib.error

import pytest

from samples.invoices import INVOICE_SCHEMA
from samples.processes import ServiceTask, process_xml
from tests.dialects.documents.desk import PDF, form
from tests.dialects.queue.files import BOUNDARY
from tests.dialects.queue.files import form as file_form
from tests.faults import checker, history
from tests.faults import client as faults_client
from tests.faults.server import ServerProcess
from tests.faults.spelling import key_of
from tests.faults.stage import Clients, comes_true, multipart, prepare, request, wait_for
from tests.faults.stores import sqlite_store
from tests.server.fixtures import serving

PROJECT = "/v2/default/project/proj_1"


class Disk:
    """The room the database has, in its own pages: SQLite says "full" as it does for a disk."""

    def __init__(self, server):
        self._connection = server.engine.store._connection

    def fill(self):
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        self._connection.execute(f"PRAGMA max_page_count = {pages}")

    def empty(self):
        self._connection.execute("PRAGMA max_page_count = 1073741823")


@pytest.fixture
async def server(tmp_path):
    async with serving(tmp_path / "data") as running:
        yield running


def rpc(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


BIG = "x" * 60_000
CALLS = {
    "native": ("POST", "/api/v1/tasks", json.dumps({"items": [{"queue": "q", "input": BIG}]}).encode()),
    "queue": (
        "POST",
        "/v1/queue/put",
        json.dumps({"endpoint": "/v1/x", "queue": "q", "level": 1, "data": {"x": BIG}}).encode(),
    ),
    "agents": ("POST", "/rpc", rpc("task.create", text="t", metadata={"x": BIG})),
    "agents-rest": ("POST", "/task/create", json.dumps({"text": "t", "metadata": {"x": BIG}}).encode()),
    "processes": (
        "POST",
        "/v2/process-instances",
        json.dumps({"processDefinitionId": "p", "variables": {"x": BIG}}).encode(),
    ),
    "keys": ("POST", "/api/v1/keys", b'{"name": "k-%d", "scopes": ["task.read"]}'),
    "agents-register": ("POST", "/system/register", b'{"id": "w-%d", "roles": ["worker"]}'),
}
REFUSED = {"agents": (-32001, 1000)}
"""How a refusal says that it is one, where it is not by status and Retry-After."""
READS = ("/livez", "/v1/queue/q/metadata", "/api/v1/tasks", f"{PROJECT}/schema", "/v2/topology")


async def prepared(server):
    """What the calls need is there."""
    root = server.client()
    await root.post("/v1/queue/register", {"queue": "q", "endpoint": "/v1/x"})
    body, content_type = multipart(
        {"resources": ("p.bpmn", process_xml([ServiceTask(id="a", type="a")], "p"))}
    )
    deployed = await root.call("POST", "/v2/deployments", body=body, headers={"content-type": content_type})
    made = await root.put(f"{PROJECT}/schema", INVOICE_SCHEMA)
    assert (deployed.status, made.status) == (200, 201), (deployed.body, made.body)
    return root


async def refused(root, method, path, body):
    """The answer, once the little room that is left in half-used pages is gone."""
    for number in range(300):
        answer = await root.call(method, path, body=body.replace(b"%d", b"%d" % number))
        if answer.status >= 400 or b'"error"' in answer.body:
            return answer
    raise AssertionError("nothing was refused")


def overloaded(answer):
    """(status, when to come back); of JSON-RPC its own."""
    if "jsonrpc" not in answer.json():
        return answer.status, answer.headers.get("retry-after")
    error = answer.json()["error"]
    return error["code"], error["data"]["retryAfterMs"]


@pytest.mark.parametrize("name", CALLS)
async def test_a_write_is_refused_in_the_shape_of_its_dialect_and_done_when_there_is_room(server, name):
    root = await prepared(server)
    disk = Disk(server)
    disk.fill()

    answer = await refused(root, *CALLS[name])
    reads = [(await root.get(path)).status for path in READS]
    ready = await root.get("/readyz")
    disk.empty()
    done = await root.call(*CALLS[name][:2], body=CALLS[name][2].replace(b"%d", b"last"))

    assert overloaded(answer) == REFUSED.get(name, (503, "1"))
    assert (ready.status, ready.headers["retry-after"]) == (503, "1")
    assert reads == [200] * len(READS)
    assert done.status < 300
    assert (await root.get("/readyz")).status == 200


async def test_an_upload_is_refused_too_and_leaves_no_file(server, tmp_path):
    root = await prepared(server)
    body, head = form({"a.pdf": PDF + b"x" * 50_000})
    disk = Disk(server)
    disk.fill()

    answers = []
    while not answers or answers[-1].status == 201:
        answers.append(await root.post(f"{PROJECT}/upload", body=body, headers=head))

    refused_one = answers[-1]
    assert (refused_one.status, refused_one.json()["error"]["code"]) == (503, "OVERLOADED")
    assert refused_one.headers["retry-after"]
    disk.empty()
    assert (await root.post(f"{PROJECT}/upload", body=body, headers=head)).status == 201


def limit_files(server, size_bytes):
    """From now on no file of the server may grow beyond this: its writes fail, as on a full disk."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def is_refused(server):
    """Whether a new task is refused now, with 503."""
    try:
        request(server, "POST", "/api/v1/tasks", {"items": [{"queue": "q", "input": "x" * 20_000}]})
    except AssertionError as refusal:
        if "/api/v1/tasks: 503 " not in str(refusal):
            raise
        return True
    return False


def files_refused(server):
    """What uploads are answered that are larger than any file may grow."""
    large = b"x" * 3_000_000
    openai_body, openai_head = file_form(large), f"multipart/form-data; boundary={BOUNDARY}"
    document_body, document_head = multipart({"file": ("a.pdf", PDF + large)})
    calls = (
        ("/v1/files", openai_body, openai_head),
        (f"/v2/north/project/{faults_client.PROJECT}/upload", document_body, document_head),
    )
    statuses = []
    for path, body, content_type in calls:
        with pytest.raises(AssertionError) as refusal:
            request(server, "POST", path, body, **{"content-type": content_type})
        statuses.append(int(str(refusal.value).partition(f"{path}: ")[2][:3]))
    return statuses


def is_ready(server):
    try:
        request(server, "GET", "/readyz")
    except (AssertionError, urllib.error.URLError):
        return False
    return True


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path):
    # Without documents: a step that could not be finished is done again when its lease ends, after 30 s.
    fill_and_empty(tmp_path, times=3, dialects="queue,agents,processes")


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_disk_that_is_full_again_and_again_does_not_either(tmp_path):
    fill_and_empty(tmp_path, times=30, dialects="queue,agents,processes,documents")


def fill_and_empty(tmp_path, *, times, dialects):
    """A real server whose log cannot grow, under load, again and again."""
    store = sqlite_store(tmp_path / "data")
    server = ServerProcess(tmp_path / "data")
    server.start()
    clients = Clients(tmp_path, server, prepare(server))
    try:
        clients.start(4, dialects=dialects, seconds=150 + 5 * times)
        wait_for(lambda: len(list(history.read(clients.histories))) > 100)
        for _ in range(times):
            limit_files(server, (tmp_path / "data" / "taskloom.db-wal").stat().st_size)
            # a small write may still find room where a larger one did not
            wait_for(lambda: is_refused(server) and not is_ready(server))
            assert request(server, "GET", "/api/v1/tasks?limit=1")["items"]
            assert files_refused(server) == [503, 503]
            limit_files(server, resource.RLIM_INFINITY)
            wait_for(lambda: is_ready(server))
            assert not is_refused(server)
        clients.stop_producing()
        cancelled = request(server, "GET", "/api/v1/tasks?queue=q&state=ready&limit=1000")["items"]
        for task in cancelled:
            request(server, "POST", f"/api/v1/tasks/{task['key']}/cancel")
        is_at_rest = comes_true(store.is_at_rest, seconds=60)
        if is_at_rest:
            clients.finish()
        assert server.stop() == 0
    finally:
        clients.kill()
        server.kill()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "taskloom.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    operations = list(history.read(clients.histories))
    assert any(one.status in (503, 507) for one in operations)
    faults = checker.check(store.gather(), operations, clients.received, key_of, is_at_rest=is_at_rest)
    assert faults == []
