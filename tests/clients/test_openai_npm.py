"""The official `openai` client of npm, unmodified, against a real server."""

import json
import subprocess
from pathlib import Path

import pytest

from devtools.node import install_test_clients
from devtools.process import environment
from tests.clients.test_openai_responses import ORDER

SCRIPT = Path(__file__).with_name("openai_client.mjs")


@pytest.fixture
def found(process):
    """What the script found."""
    variables = {**environment(), **install_test_clients()}
    command = ["node", str(SCRIPT), f"{process.url}/v1", process.key]
    run = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_client_of_npm_is_answered_as_the_one_of_pypi(found):
    told = [*ORDER[:5], ORDER[4], *ORDER[5:]]
    assert found == {
        "chat": "Hi",
        "chunks": ["H", "i"],
        "helper": "Hi",
        "embedding": [0.5, -0.25],
        "response": "Hi",
        "order": told,
        "final": "Hi",
        "background": ["queued", "in_progress", "completed", "Hi"],
        "rest": [5, 6, 7, 8, 9],
        "cancelled": "cancelled",
        "models": ["answers", "chat", "e", "embed", "org/chat", "r"],
        "model": "org/chat",
        "missing": {"name": "NotFoundError", "status": 404, "code": "not_found", "id": True},
        "stranger": {"name": "AuthenticationError", "status": 401, "code": "unauthorized", "id": True},
        "refused": {"name": "UnprocessableEntityError", "status": 422, "code": "why", "id": True},
        "batch": ["completed", "a"],
        "files": ["rows.jsonl"],
        "deleted": True,
    }
