"""Calls to a running server, over HTTP and with nothing but the standard library.

Where the server is and who calls: a flag, else a variable, else the default. A key on the command line is
seen by every user of the machine, so a variable or a file is the better place for it.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlencode, urlsplit

from taskloom.cli.failure import FAILED, MISUSED, NOT_ALLOWED, NOT_FOUND, UNREACHABLE, Failure
from taskloom.cli.form import Form
from taskloom.cli.output import Progress, say

URL: Final = "http://127.0.0.1:8080"

_TIMEOUT_S: Final = 60
_TRIES: Final = 5
_PAUSE_S_MAX: Final = 30
_STATUS: Final = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 410: NOT_FOUND}
_CONNECTIONS: Final[Mapping[str, Callable[..., http.client.HTTPConnection]]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


def add_remote_flags(parser: argparse.ArgumentParser) -> None:
    """Offer the flags that say which server is called, and as whom."""
    group = parser.add_argument_group("which server")
    group.add_argument("--url", metavar="URL", help=f"default: TASKLOOM_URL, else {URL}")
    group.add_argument(
        "--key-file", type=Path, metavar="FILE", help="file that holds the key; default: TASKLOOM_KEY_FILE"
    )
    group.add_argument(
        "--key",
        metavar="KEY",
        help="the key itself; other users of this machine see it, so better set TASKLOOM_KEY or a key file",
    )
    group.add_argument("--tenant", metavar="NAME", help="for the administrator: the tenant to act in")


class Server:
    """One server, called as one key."""

    def __init__(self, url: str, key: str | None, tenant: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _CONNECTIONS or not parts.hostname:
            raise Failure(f"{url} is no URL of a server: http://HOST:PORT", MISUSED)
        self.url = url.rstrip("/")
        self.tenant = tenant
        self._path = parts.path.rstrip("/")
        self._headers = {"accept": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        if tenant:
            self._headers["taskloom-tenant"] = tenant
        try:
            self._connection = _CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=_TIMEOUT_S)
        except ValueError as error:
            raise Failure(f"{url}: {error}", MISUSED) from None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """What is there."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """Have something done."""
        return self.call("POST", path, body, query=query)

    def items(self, path: str, query: Mapping[str, Any], limit: int | None = None) -> Iterator[Any]:
        """The items of a list, page after page, at most `limit`."""
        after: str | None = None
        while True:
            page = self.get(path, {**query, "after": after})
            for item in page["items"]:
                if limit is not None:
                    if limit == 0:
                        return
                    limit -= 1
                yield item
            after = page["next"]
            if after is None:
                return

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The decoded answer; what is refused ends the program, what is only too early is tried again."""
        sent = json.dumps(body).encode() if body is not None else None
        given = {**self._headers, **(headers or {})}
        if sent:
            given["content-type"] = "application/json"
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        target = self._path + path + (f"?{urlencode(asked, doseq=True)}" if asked else "")
        for attempt in range(1, _TRIES + 1):
            status, pause, raw = self._exchange(method, target, sent, given)
            if status not in (429, 503) or attempt == _TRIES:
                break
            say(f"the server is busy ({status}); again in {pause} s")
            time.sleep(pause)
        return _accepted(status, raw)

    def upload(self, path: str, fields: Mapping[str, str], file: Path, bar: Progress) -> Any:
        """Send a form of fields and one file, piece by piece; the decoded answer."""
        form = Form(fields, file)
        headers = {**self._headers, "content-type": form.content_type, "content-length": str(form.size)}
        status, _, raw = self._exchange("POST", self._path + path, form.pieces(bar), headers)
        return _accepted(status, raw)

    def download(self, path: str, sink: BinaryIO) -> None:
        """Write what is there to a file, piece by piece."""
        with self._reached():
            self._connection.request("GET", self._path + path, headers=self._headers)
            answer = self._connection.getresponse()
            if answer.status != http.client.OK:
                _accepted(answer.status, answer.read())
            shutil.copyfileobj(answer, sink)

    def _exchange(
        self, method: str, target: str, body: bytes | Iterator[bytes] | None, headers: Mapping[str, str]
    ) -> tuple[int, int, bytes]:
        """(status, seconds to wait before trying again, body) of one call."""
        with self._reached():
            self._connection.request(method, target, body, dict(headers))
            answer = self._connection.getresponse()
            raw = answer.read()
        text = answer.headers.get("retry-after", "1")
        return answer.status, min(int(text) if text.isdigit() else 1, _PAUSE_S_MAX), raw

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """What goes wrong on the way ends the program."""
        try:
            yield
        except ssl.SSLError as error:
            raise Failure(f"{self.url}: {error}", UNREACHABLE) from None
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Failure(f"no server answers at {self.url}: {error}", UNREACHABLE) from None


def server_of(arguments: argparse.Namespace) -> Server:
    """The server these arguments and the environment mean."""
    return Server(*address_of(arguments))


def address_of(arguments: argparse.Namespace) -> tuple[str, str | None, str | None]:
    """(URL, key, tenant) these arguments and the environment mean."""
    url = arguments.url or os.environ.get("TASKLOOM_URL") or URL
    return url, _key(arguments), arguments.tenant or os.environ.get("TASKLOOM_TENANT")


def segment(text: str) -> str:
    """A name as one segment of a path."""
    return quote(text, safe=":")


def _key(arguments: argparse.Namespace) -> str | None:
    if arguments.key:
        return str(arguments.key)
    if arguments.key_file is None and os.environ.get("TASKLOOM_KEY"):
        return os.environ["TASKLOOM_KEY"]
    file = arguments.key_file or os.environ.get("TASKLOOM_KEY_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"the key file cannot be read: {error}", MISUSED) from None


def _accepted(status: int, raw: bytes) -> Any:
    """The decoded answer; a refusal ends the program."""
    if 200 <= status < 300:
        return _decoded(raw) if raw else None
    raise Failure(_reason(status, raw), _STATUS.get(status, FAILED))


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise Failure("the answer is no JSON; is this a Taskloom server?") from None


def _reason(status: int, raw: bytes) -> str:
    """The sentence of a refusal, in whichever dialect it was refused."""
    try:
        body = json.loads(raw)
        error = body.get("error")
        inner = error.get("message") if isinstance(error, dict) else error
        sentence = body.get("detail") or body.get("message") or inner
    except (ValueError, AttributeError):
        sentence = None
    return f"{sentence or 'the server refused'} ({status})"
