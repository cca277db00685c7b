"""Logs: JSON lines, no secrets, nothing forged."""

import json
import logging

import pytest

from taskloom.server.logs import JsonLines

ROOT = "an admin key with 24 characters"


def line(message, *values, secrets=frozenset({ROOT}), **more):
    record = logging.LogRecord("taskloom.test", logging.WARNING, __file__, 1, message, values, None)
    record.__dict__.update(more)
    text = JsonLines(secrets).format(record)
    assert "\n" not in text
    assert "\r" not in text
    return json.loads(text)


def test_a_line_says_when_how_bad_and_what():
    found = line("%s failed", "queue.put", request_id="r-1")

    assert (found["level"], found["logger"]) == ("warning", "taskloom.test")
    assert (found["event"], found["request_id"]) == ("queue.put failed", "r-1")
    assert found["timestamp"].endswith("+00:00")


@pytest.mark.parametrize("value", ['\n{"event":"forged"}', "\r\nx", "\x00", "\u2028", "\ud800", '"', "\\"])
def test_no_value_ends_the_line(value):
    assert line("got %s", value)["event"].startswith("got ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {ROOT}!", "key ***!"),
        ("key tlk_abcDEF-_123 end", "key tlk_*** end"),
        ("token tlt_abc=.def= end", "token tlt_*** end"),
        ("secret whsec_ab/c+d= end", "secret whsec_*** end"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization basic cm9vdDp4", "authorization basic ***"),
        ("postgresql://user:pass@host/db", "postgresql://user:***@host/db"),
    ],
)
def test_secrets_are_masked(text, shown):
    assert line("%s", text)["event"] == shown


def test_secrets_in_tracebacks_are_masked():
    with pytest.raises(ValueError) as caught:
        int(f"wrong {ROOT} tlk_secretsecret")
    found = line("failed", exc_info=(ValueError, caught.value, caught.value.__traceback__))

    assert ROOT not in found["exception"]
    assert "secretsecret" not in found["exception"]
    assert "ValueError" in found["exception"]


def test_a_long_message_is_cut():
    assert len(line("%s", "x" * 1_000_000)["event"]) < 20_000
