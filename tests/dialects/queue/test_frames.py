"""Frames, byte for byte."""

import msgspec
import pytest

from taskloom.dialects.queue import frames
from taskloom.dialects.queue.wire import Fault, Progress


def sent(number, data, name=None):
    progress = Progress(event_data=msgspec.Raw(data), event_name=name)
    return frames.frame(number, frames.stored(progress))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'{"id": "cmpl-1", "n": [1, 2.50]}', b'data:{"id":"cmpl-1","n":[1,2.50]}'),
        (b'"[DONE]"', b"data:[DONE]"),
        (b'"data: [DONE] "', b"data:[DONE]"),
        (b'"plain text"', b"data:plain text"),
        (b'" kept "', b"data: kept "),
        (b"12", b"data:12"),
        (b"null", b"data:null"),
        (
            b'{"big": 123456789012345678901234567890, "e": 1e999}',
            b'data:{"big":123456789012345678901234567890,"e":1e999}',
        ),
    ],
)
def test_strings_are_written_as_they_are_and_other_values_as_compact_json(data, line):
    assert sent(3, data) == b"id:3\nevent:message\n" + line + b"\n\n"


@pytest.mark.parametrize("breaks", [b"\\n", b"\\r", b"\\r\\n"])
def test_each_line_of_a_string_has_its_own_data_line(breaks):
    assert sent(0, b'"a' + breaks + b'b"') == b"id:0\nevent:message\ndata:a\ndata:b\n\n"


def test_a_line_break_within_json_stays_escaped():
    assert sent(0, b'{"t": "a\\nb"}') == b'id:0\nevent:message\ndata:{"t":"a\\nb"}\n\n'


def test_the_event_has_the_name_the_worker_gave():
    assert sent(1, b"1", "delta") == b"id:1\nevent:delta\ndata:1\n\n"


def test_an_error_frame_is_what_clients_raise_for():
    fault = Fault("bad", "server_error", None, "status_500")

    assert frames.error(fault) == (
        b'data:{"error":{"message":"bad","type":"server_error","param":null,"code":"status_500"}}\n\n'
    )


@pytest.mark.parametrize(
    ("given", "mark"),
    [
        (0, 0),
        (7, 7),
        ("7", 7),
        ("x", -1),
        (None, -1),
        (-1, -1),
        ("\u0667", -1),
        (1 << 62, -1),
        ("9" * 30, -1),
    ],
)
def test_only_a_number_from_zero_marks_an_event(given, mark):
    assert frames.mark(Progress(event_id=given)) == mark


@pytest.mark.parametrize(("data", "done"), [(b'"[DONE]"', True), (b'"data: [DONE]"', True), (b"1", False)])
def test_the_end_mark_is_recognised(data, done):
    progress = Progress(event_data=msgspec.Raw(data))

    assert frames.is_done(frames.stored(progress)) is done
