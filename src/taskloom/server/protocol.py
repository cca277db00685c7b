"""HTTP/1.1 with limits on the head of a request: its size, its fields, and how long it may take to arrive.

The parser refuses by itself what makes two readers of one message disagree (two lengths, a length beside
chunks, bare line feeds); the limits here are those that it leaves to its user.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from taskloom.core.limits import HEADER_BYTES, HEADER_TIMEOUT_S, HEADERS, PATH_BYTES


class HeadError(Exception):
    """The head of a request is refused with this status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_begun = False
        self._head_ended = False
        self._head_bytes = 0
        self._field_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._refusal = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head must come in time."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and see to it that a head that is not complete neither grows nor waits for ever."""
        was_in_head = self._in_head
        self._head_ended = False
        try:
            super().data_received(data)
        except httptools.HttpParserInvalidURLError:
            self.send_400_response("")
        if not self._in_head:
            return
        # A piece in which a head ended may hold a whole body too; nothing of it counts for the next head.
        only_head = was_in_head and not self._head_ended
        self._head_bytes = self._head_bytes + len(data) if only_head else 0
        if self._head_bytes > HEADER_BYTES + PATH_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")
        elif self._timer is None and self._head_begun:
            self._arm()

    def on_message_begin(self) -> None:
        """A new head begins."""
        super().on_message_begin()
        self._in_head = True
        self._head_begun = True
        self._field_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Part of the target."""
        super().on_url(url)
        if len(self.url) > PATH_BYTES:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field."""
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > HEADER_BYTES or len(self.headers) >= HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._head_begun = False
        self._head_ended = True
        self._head_bytes = 0
        self._disarm()
        if not self.url.isascii():
            self._refuse(HTTPStatus.BAD_REQUEST)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        super().on_message_complete()
        self._in_head = True

    def _refuse(self, status: HTTPStatus) -> None:
        """End the parsing; the parser turns what is raised here into its own error."""
        self._refusal = status
        raise HeadError(status)

    def send_400_response(self, msg: str) -> None:
        """Answer what was refused before there was a request, and close."""
        del msg
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._in_head or cycle.response_started:
                self.transport.close()  # an earlier request of this connection waits for its own answer
                return
            cycle.disconnected = True
            cycle.message_event.set()
        status = self._refusal
        self.transport.write(
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        self.transport.close()

    def _arm(self) -> None:
        self._timer = self.loop.call_later(HEADER_TIMEOUT_S, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        self._refusal = HTTPStatus.REQUEST_TIMEOUT
        self.send_400_response("")
