"""A plain HTTP client: one kept connection, JSON in and out."""

import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

import msgspec

KEY = os.environ["TASKLOOM_KEY"]


class Plain:
    """A connection to a server of ours."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def post(self, path: str, body: Any) -> bytes:
        """The answer's body; anything but success ends the run."""
        self._connection.request("POST", path, msgspec.json.encode(body), self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {said[:300]!r}")
        return said

    def ask(self, path: str, body: Any) -> Any:
        """The answer as a value."""
        return json.loads(self.post(path, body))
