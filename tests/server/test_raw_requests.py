"""What is refused before there is a request: raw bytes against a real server (A9, A16)."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskloom.core.limits import HEADER_BYTES, HEADER_TIMEOUT_S, HEADERS, PATH_BYTES
from tests.server.fixtures import ROOT_KEY, Process

HEAD = b"Host: x\r\nAuthorization: Bearer " + ROOT_KEY.encode() + b"\r\n"


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    running = Process(tmp_path_factory.mktemp("raw")).start()
    yield running
    running.kill()


def connected(process):
    host, _, port = process.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def answers(process, *pieces):
    """The status lines of all that comes back until the server closes."""
    with connected(process) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = b""
        try:
            while piece := line.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return received


def statuses(received):
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def request(*fields, path=b"/api/v1/me", method=b"GET", body=b""):
    return b"%b %b HTTP/1.1\r\n%b%b\r\n%b" % (method, path, HEAD, b"".join(f + b"\r\n" for f in fields), body)


def test_a_plain_request_is_answered(process):
    assert statuses(answers(process, request(b"Connection: close"))) == [200]


@pytest.mark.parametrize(
    "fields",
    [
        [b"Content-Length: 1", b"Content-Length: 1"],
        [b"Content-Length: 1", b"Content-Length: 2"],
        [b"Content-Length: 1", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 1"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: xchunked"],
        [b"Content-Length: +1"],
        [b"Content-Length: 0x1"],
        [b"Content-Length: -1"],
        [b"Content-Length : 1"],
        [b"X: a\nInjected: b"],
        [b"X: a\rInjected: b"],
        [b"X: a\x00b"],
        [b" folded: x"],
    ],
)
def test_what_two_readers_could_read_differently_is_refused(process, fields):
    received = answers(process, request(*fields, method=b"POST", path=b"/api/v1/keys", body=b"0\r\n\r\n"))

    assert statuses(received) == [400]


def test_a_chunk_that_lies_about_its_size_is_refused(process):
    body = b"zz\r\n{}\r\n0\r\n\r\n"
    received = answers(
        process, request(b"Transfer-Encoding: chunked", method=b"POST", path=b"/api/v1/keys", body=body)
    )

    assert all(status == 400 for status in statuses(received))


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/v1/me\xff HTTP/1.1",
        b"GET http:// HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"G\x01T / HTTP/1.1",
        b"nonsense",
    ],
)
def test_a_request_line_that_is_none_is_refused(process, line):
    assert statuses(answers(process, line + b"\r\n" + HEAD + b"\r\n")) == [400]


def test_a_head_of_64_kilobytes_is_refused(process):
    assert statuses(answers(process, request(b"X: " + b"a" * 65536))) == [431]


def test_a_field_that_never_ends_is_refused_before_it_fills_the_memory(process):
    endless = [b"GET / HTTP/1.1\r\nX: ", *[b"a" * 65536] * 64]

    assert statuses(answers(process, *endless)) in ([431], [])


def test_too_many_fields_are_refused(process):
    assert statuses(answers(process, request(*[b"X%d: 1" % n for n in range(HEADERS + 1)]))) == [431]


def test_fields_up_to_the_limit_pass(process):
    room = HEADER_BYTES - 1000

    assert statuses(answers(process, request(b"X: " + b"a" * room, b"Connection: close"))) == [200]


def test_a_long_target_is_refused(process):
    assert statuses(answers(process, request(path=b"/" + b"a" * 10_000))) == [414]


def test_requests_sent_at_once_are_answered_one_by_one(process):
    received = answers(process, request() + request() + request(b"Connection: close"))

    assert statuses(received) == [200, 200, 200]


def test_a_body_may_arrive_in_one_piece_with_its_head_and_be_larger_than_any_head(process):
    body = b'{"text":"x","metadata":{"a":"%b"}}' % (b"x" * (HEADER_BYTES + PATH_BYTES))
    length = b"Content-Length: %d" % len(body)
    kind = b"Content-Type: application/json"
    create = request(kind, length, path=b"/task/create", method=b"POST", body=body)
    last = request(b"Connection: close")

    for _ in range(5):
        assert statuses(answers(process, create + last)) == [200, 200]


def test_an_upgrade_to_another_protocol_is_no_way_around(process):
    received = answers(process, request(b"Upgrade: h2c", b"Connection: Upgrade, close"))

    assert statuses(received)[:1] in ([200], [400])


def test_a_body_beyond_the_limit_is_refused_while_it_is_read(process):
    sent = 0
    with connected(process) as line:
        line.sendall(
            request(
                b"Transfer-Encoding: chunked",
                b"Content-Type: application/json",
                method=b"POST",
                path=b"/api/v1/keys",
            )
        )
        chunk = b"%x\r\n%b\r\n" % (65536, b" " * 65536)
        try:
            for _ in range(1000):
                line.sendall(chunk)
                sent += 65536
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            received = line.recv(65536)
        except ConnectionResetError:
            received = b"HTTP/1.1 413"

    assert statuses(received) == [413]
    assert sent < 20_000_000  # what the kernel's buffers took; a server that reads on would have taken 65 MB


def test_a_length_beyond_the_limit_is_refused_before_the_body_comes(process):
    received = answers(
        process,
        request(
            b"Content-Length: 1000000000000",
            b"Content-Type: application/json",
            method=b"POST",
            path=b"/api/v1/keys",
        ),
    )

    assert statuses(received) == [413]
    assert b"connection: close" in received


def test_a_head_that_trickles_is_ended(process):
    """The whole head would take longer than the client's patience, yet there is an answer."""
    with connected(process) as line:
        stop = threading.Event()

        def trickle():
            try:
                for byte in request():
                    line.sendall(bytes([byte]))
                    if stop.wait(0.5):
                        return
            except OSError:
                return

        sending = threading.Thread(target=trickle)
        sending.start()
        received = line.recv(65536)
        stop.set()
        sending.join()

    assert statuses(received) == [408]


def test_no_line_of_the_log_is_forged(process):
    forged = b'/api/v1/%0d%0a{"event":"forged"}%0a'
    answers(process, request(b'X-Request-Id: a"b {}', b"Connection: close", path=forged))

    assert not [line for line in process.log.read_text().splitlines() if not line.startswith("{")]
    assert '\n{"event":"forged"}' not in process.log.read_text()


def test_what_was_sent_is_not_echoed_where_it_could_split_the_answer(process):
    received = answers(
        process,
        request(b"X-Request-Id: abc\x0bdef", b"Connection: close", path=b"/api/v1/%0d%0aSet-Cookie:%20a"),
    )

    head, _, _ = received.partition(b"\r\n\r\n")
    assert b"set-cookie" not in head.lower()
    assert b"def" not in head


def test_an_answer_may_take_longer_than_a_head(process):
    wait_ms = (HEADER_TIMEOUT_S + 1) * 1000
    wanted = b'{"queues":[{"queue":"nothing-comes"}],"worker":"w","wait_ms":%d}' % wait_ms
    claim = request(
        b"Connection: close",
        b"Content-Length: %d" % len(wanted),
        path=b"/api/v1/tasks/claim",
        method=b"POST",
    )
    with ThreadPoolExecutor() as threads:
        whole = threads.submit(answers, process, claim + wanted)
        in_pieces = threads.submit(answers, process, claim, wanted)
        after_another = threads.submit(answers, process, request() + claim, wanted)
    assert statuses(whole.result()) == [200]
    assert statuses(in_pieces.result()) == [200]
    assert statuses(after_another.result()) == [200, 200]
