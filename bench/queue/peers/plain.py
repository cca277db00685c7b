"""A plain HTTP client: one kept connection, JSON in and out, a call in one piece.

It does as little as a client can: what is measured is the server, not the parsing of headers nobody reads.
"""

import json
import os
import socket
from typing import Any
from urllib.parse import urlsplit

import msgspec

KEY = os.environ["TASKLOOM_KEY"]
_PIECE = 1 << 18


class Plain:
    """A connection to a server of ours."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._fields = (
            f" HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {KEY}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )

    def post(self, path: str, body: Any) -> bytes:
        """The answer's body; anything but success ends the run."""
        sent = msgspec.json.encode(body)
        self._socket.sendall(f"POST {path}{self._fields}{len(sent)}\r\n\r\n".encode() + sent)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._piece()
        head, _, said = heard.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        pieces, missing = [said], length - len(said)
        while missing:
            pieces.append(self._piece())
            missing -= len(pieces[-1])
        said = b"".join(pieces)
        if head[9:10] != b"2":
            raise RuntimeError(f"{path}: {head[9:12]!r} {said[:300]!r}")
        return said

    def ask(self, path: str, body: Any) -> Any:
        """The answer as a value."""
        return json.loads(self.post(path, body))

    def _piece(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece
