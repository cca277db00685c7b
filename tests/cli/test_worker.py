"""`taskloom worker`: functions of a module do the tasks of a running server, until they are told to stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from taskloom_client import Client
from tests.server.fixtures import ROOT_KEY

MODULE = """
from taskloom_client import Worker

worker = Worker("http://127.0.0.1:1", "nothing listens there")
lonely = Worker("http://127.0.0.1:1", "has no function")
words = "no worker"


@worker.task("greet")
def greet(name):
    return f"Hello {name}"
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "greetings.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "greetings"
    sys.modules.pop("greetings", None)


def test_a_worker_does_tasks_until_it_is_told_to_stop(module, shared_process):
    command = [Path(sys.executable).with_name("taskloom"), "worker", f"{module}:worker"]
    environment = {**os.environ, "TASKLOOM_URL": shared_process.url, "TASKLOOM_KEY": ROOT_KEY}
    process = subprocess.Popen(command, env=environment)
    try:
        with Client(shared_process.url, ROOT_KEY) as client:
            assert client.submit("greet", {"name": "Ann"}).result(timeout_s=30) == "Hello Ann"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("greetings", "MODULE:NAME"),
        ("nowhere_to_be_found:worker", "nowhere_to_be_found"),
        ("greetings:other", "no Worker called other"),
        ("greetings:words", "no Worker called words"),
        ("greetings:lonely", "no function"),
    ],
)
def test_what_names_no_worker_is_told(shell, module, place, said):
    shell("worker", place, status=2)
    assert said in shell.err


def test_a_worker_with_a_bad_key_ends(shell, module):
    shell("worker", f"{module}:worker", "--url", shell.process.url, "--key", "k" * 32, status=4)
