"""Sets up a server for the kill tests: two tenants with keys, a queue, a process, a project each."""

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samples.invoices import INVOICE_SCHEMA, make_invoice
from samples.processes import ServiceTask, process_xml
from tests.faults import client as faults_client
from tests.faults.server import HANG_GUARD_S, ROOT, ROOT_KEY, ServerProcess

RECEIVED = "received.jsonl"
ANNOUNCED = "announced"
"""Where the receiver gets what webhooks are told."""
TENANTS = ("north", "south")
SCOPES = [
    "task.read",
    "task.write",
    "task.work",
    "document.read",
    "document.edit",
    "upload.read",
    "upload.create",
    "project.edit",
    "process.read",
    "process.deploy",
    "process.run",
]


def request(
    server: ServerProcess, method: str, path: str, body: Any = None, *, key: str = ROOT_KEY, **headers: str
) -> Any:
    """One call with the standard library; raises on anything but 2xx."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    sent = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
    call = urllib.request.Request(server.url + path, data, sent, method=method)
    try:
        with urllib.request.urlopen(call, timeout=HANG_GUARD_S) as answer:
            raw = answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from error
    return json.loads(raw) if raw else None


def multipart(fields: dict[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """A multipart body of files: part name -> (file name, content)."""
    lines = []
    for part, (name, content) in fields.items():
        head = f'--stage\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'
        lines.append(head.encode() + content + b"\r\n")
    return b"".join(lines) + b"--stage--\r\n", "multipart/form-data; boundary=stage"


def prepare(server: ServerProcess) -> dict[str, str]:
    """Keys by tenant; every tenant has what the clients need."""
    keys = {}
    for tenant in TENANTS:
        wanted = {"name": f"clients-{tenant}", "scopes": SCOPES, "rate": 0}
        made = request(server, "POST", "/api/v1/keys", wanted, **{"taskloom-tenant": tenant})
        key = keys[tenant] = made["secret"]
        tasks = [ServiceTask(id=name, type=name) for name in faults_client.JOB_TYPES]
        document = process_xml(tasks, faults_client.PROCESS_ID)
        body, content_type = multipart({"resources": ("row.bpmn", document)})
        request(server, "POST", "/v2/deployments", body, key=key, **{"content-type": content_type})
        path = f"/v2/{tenant}/project/{faults_client.PROJECT}/schema"
        request(server, "PUT", path, INVOICE_SCHEMA, key=key)
    return keys


def subscribe(server: ServerProcess, receiver: str) -> None:
    """Every tenant wants to hear of every end of a task."""
    for tenant in TENANTS:
        wanted = {"url": f"{receiver}/{ANNOUNCED}", "events": ["task.*"]}
        request(server, "POST", "/api/v1/webhooks", wanted, **{"taskloom-tenant": tenant})


def spawn(log_file: Path, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A program of ours in a process of its own."""
    with log_file.open("ab") as log:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


class Receiver:
    """The process that callbacks go to."""

    def __init__(self, folder: Path) -> None:
        self.received = folder / RECEIVED
        port_file = folder / "receiver.port"
        files = ("--port-file", str(port_file), "--log", str(self.received))
        self.process = spawn(folder / "receiver.log", "tests.faults.receiver", *files)
        wait_for(lambda: port_file.exists() and port_file.read_text(encoding="ascii") != "")
        self.url = f"http://127.0.0.1:{port_file.read_text(encoding='ascii')}"

    def stop(self) -> None:
        """End it and wait for it."""
        self.process.kill()
        self.process.wait()


class Clients:
    """The client processes of a run and the files they share with the harness."""

    def __init__(self, folder: Path, server: ServerProcess, keys: dict[str, str]) -> None:
        self.folder = folder
        self.histories = folder / "histories"
        self.received = folder / RECEIVED
        self.histories.mkdir()
        self._stop = folder / "stop.flag"
        self._server = server
        self._keys = keys
        self._processes: list[subprocess.Popen[bytes]] = []
        self._document = folder / "invoice.b64"
        self._document.write_text(base64.b64encode(make_invoice(2).data).decode(), encoding="ascii")

    def start(self, count: int, *, dialects: str, seconds: float) -> None:
        """Start the receiver and `count` clients, tenants in turn."""
        receiver = Receiver(self.folder)
        subscribe(self._server, receiver.url)
        self._processes.append(receiver.process)
        for number in range(count):
            tenant = TENANTS[number % len(TENANTS)]
            self._spawn(
                "tests.faults.client",
                *("--url", self._server.url, "--key", self._keys[tenant], "--tenant", tenant),
                *("--name", f"c{number}", "--history", str(self.histories), "--stop", str(self._stop)),
                *("--callback", receiver.url, "--dialects", dialects, "--document", str(self._document)),
                *("--seed", str(number), "--seconds", str(seconds)),
            )

    def _spawn(self, module: str, *arguments: str) -> None:
        self._processes.append(spawn(self.folder / "clients.log", module, *arguments))

    def stop_producing(self) -> None:
        self._stop.touch()

    def finish(self) -> None:
        """Everything has ended: let the clients go."""
        self._stop.with_suffix(".done").touch()
        receiver, *clients = self._processes
        for process in clients:
            process.wait(HANG_GUARD_S)
        receiver.terminate()
        receiver.wait(HANG_GUARD_S)

    def kill(self) -> None:
        """Nobody may outlive the test."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def wait_for(condition: Callable[[], bool], *, seconds: float = HANG_GUARD_S) -> None:
    """Until it holds; the guard is there for what hangs, not for what is slow."""
    assert comes_true(condition, seconds=seconds), "the awaited condition never came"


def comes_true(condition: Callable[[], bool], *, seconds: float = HANG_GUARD_S) -> bool:
    """Whether it holds before the guard ends the wait."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
