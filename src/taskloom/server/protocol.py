"""HTTP/1.1 with limits: on connections of one address, on heads, and on how long callers may take.

Heads and the beginning of a body must come in time, and answers must be taken: not fast, but not never.
The parser refuses by itself what makes two readers of one message disagree (two lengths, a length beside
chunks, bare line feeds); the limits here are those that it leaves to its user.
"""

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from taskloom.core.limits import (
    ANSWER_TIMEOUT_S,
    BODY_TIMEOUT_S,
    HEADER_BYTES,
    HEADER_TIMEOUT_S,
    HEADERS,
    LINGER_S,
    PATH_BYTES,
)
from taskloom.server.crowd import Crowd, neighbourhood

_RESET: Final = struct.pack("ii", 1, 0)


class HeadError(Exception):
    """The head of a request is refused with this status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits."""

    def __init__(self, *arguments: Any, crowd: Crowd, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._crowd = crowd
        self._place: str | None = None
        """Where the connection is counted."""
        self._in_head = True
        self._head_begun = False
        self._head_ended = False
        self._head_bytes = 0
        self._field_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._refusal = HTTPStatus.BAD_REQUEST
        self._leaving = False
        self._lying_bytes = 0
        """What of an answer the caller had not taken when it was last looked at."""
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """There must be room for the caller, and the first head must come in time."""
        super().connection_made(transport)
        if self._enter():
            self._arm(HEADER_TIMEOUT_S)
        else:
            self._close_with(HTTPStatus.SERVICE_UNAVAILABLE, "retry-after: 1\r\n")

    def _enter(self) -> bool:
        """Count the connection where it comes from; one without an address is always let in."""
        if self.client is None:
            return True
        place = neighbourhood(self.client[0])
        if not self._crowd.enter(place):
            return False
        self._place = place
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._disarm()
        self._look_no_more()
        if self._place is not None:
            self._crowd.leave(self._place)
            self._place = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller takes an answer more slowly than it is given."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._look_no_more()
        super().resume_writing()

    def _look_later(self) -> None:
        self._lying_bytes = self.transport.get_write_buffer_size()
        self._look = self.loop.call_later(ANSWER_TIMEOUT_S, self._taken)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _taken(self) -> None:
        """Something must have been; else the memory of the answer is worth more than the caller."""
        if self.transport.get_write_buffer_size() < self._lying_bytes:
            self._look_later()
            return
        # Reset, for in an orderly end the system would keep what lies in its own memory.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse, and see to it that a head that is not complete neither grows nor waits for ever."""
        if self._leaving:
            return
        was_in_head = self._in_head
        self._head_ended = False
        try:
            super().data_received(data)
        except httptools.HttpParserInvalidURLError:
            self.send_400_response("")
        self._limit(was_in_head, len(data))

    def _limit(self, was_in_head: bool, size: int) -> None:
        """A piece of this size was parsed."""
        if self._leaving:
            return
        if not self._in_head:
            self._disarm()
            if was_in_head:
                self._await_body()
            return
        # A piece in which a head ended may hold a whole body too; nothing of it counts for the next head.
        only_head = was_in_head and not self._head_ended
        self._head_bytes = self._head_bytes + size if only_head else 0
        if self._head_bytes > HEADER_BYTES + PATH_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")
        elif self._timer is None and self._head_begun:
            self._arm(HEADER_TIMEOUT_S)

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

    def on_response_complete(self) -> None:
        """What was sent too early is looked at now; its body may not be there yet."""
        super().on_response_complete()
        if not self._in_head:
            self._await_body()

    def _await_body(self) -> None:
        """It must begin in time; whoever reads it sees to the rest."""
        if self._timer is None and not self.pipeline and not self.cycle.body:
            self._arm(BODY_TIMEOUT_S)

    def _refuse(self, status: HTTPStatus) -> None:
        """End the parsing; the parser turns what is raised here into its own error."""
        self._refusal = status
        raise HeadError(status)

    def send_400_response(self, msg: str) -> None:
        """Answer what was refused before there was a request, and close."""
        del msg
        if self._leaving or self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._in_head or cycle.response_started:
                self.transport.close()  # an earlier request of this connection waits for its own answer
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self._close_with(self._refusal)

    def _close_with(self, status: HTTPStatus, fields: str = "") -> None:
        head = f"HTTP/1.1 {status} {status.phrase}\r\n{fields}content-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode())
        self._leave()

    def _leave(self) -> None:
        """Say no more, and give the caller a moment to do the same.

        To close on bytes that nobody read resets the connection, and a caller who still sends then loses
        the answer.
        """
        self._leaving = True
        self._disarm()
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._arm(LINGER_S)

    def _arm(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._leaving:
            self.transport.close()
            return
        self._refusal = HTTPStatus.REQUEST_TIMEOUT
        self.send_400_response("")
