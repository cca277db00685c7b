"""A real server for the commands that call one, and how a test says what it does."""

import json
import os

import pytest

from taskloom.cli.main import main
from tests.server.fixtures import ROOT_KEY, Process


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """What the machine of whoever runs the tests is set to must not matter."""
    for name in [name for name in os.environ if name.startswith("TASKLOOM_") and name != "TASKLOOM_SHARED"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_process(tmp_path_factory):
    """One server for all tests of this folder that leave it running."""
    running = Process(tmp_path_factory.mktemp("cli")).start()
    yield running
    running.kill()


@pytest.fixture
def started():
    """Starts servers of a test's own, and ends them with it."""
    running = []

    def start(folder, *flags):
        running.append(Process(folder, *flags).start())
        return running[-1]

    yield start
    for one in running:
        one.kill()


class Shell:
    """Runs commands as somebody at a shell would, the server and the key set in the environment."""

    def __init__(self, capsys, process):
        self._capsys = capsys
        self.process = process
        self.err = ""

    def __call__(self, *words, status=0):
        """What the command wrote to standard output; it must end with this status."""
        self._capsys.readouterr()
        try:
            ended = main([str(word) for word in words])
        except SystemExit as end:
            ended = end.code
        out, self.err = self._capsys.readouterr()
        assert ended == status, (ended, out, self.err)
        return out

    def json(self, *words, status=0):
        """The same, decoded."""
        return json.loads(self(*words, "--json", status=status))


@pytest.fixture
def shell(capsys, monkeypatch, shared_process):
    monkeypatch.setenv("TASKLOOM_URL", shared_process.url)
    monkeypatch.setenv("TASKLOOM_KEY", ROOT_KEY)
    return Shell(capsys, shared_process)


@pytest.fixture
def local(capsys):
    """A shell for commands that call no server."""
    return Shell(capsys, None)
