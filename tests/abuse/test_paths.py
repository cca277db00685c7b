"""Odd identifiers in every path parameter of every operation (A12): refused, nothing outside is touched."""

# ruff: noqa: RUF001  look-alikes are what is tested

import itertools
import re
from urllib.parse import quote

import pytest
import pytest_asyncio

from taskloom.dialects.operation import Body
from taskloom.server.settings import Settings
from taskloom.server.wiring import build
from tests.server.fixtures import serving

WITH_PARAMETERS = [
    endpoint for endpoint in build(Settings(store="memory")).endpoints if "{" in endpoint.operation.path
]
NAMES = [endpoint.operation.name for endpoint in WITH_PARAMETERS]

STEPS = [
    "..",
    ".",
    "../..",
    "..\\..",
    "....//",
    "..;",
    "..%2f",
    "%2e%2e",
    "%252e%252e",
    "..%c0%af",
    "..\u2215",
]
TAILS = [
    "",
    "/etc/passwd",
    "/etc/passwd%00",
    "/data/taskloom.db",
    "\\windows\\win.ini",
    "/%2e%2e/x",
    "?",
    "#",
]
ODD = [
    "\x00", "a\x00b", "\n", "\r\n", "a\r\nSet-Cookie: a=b", "\t", "\x7f", "\x1b[31m", "\u202e", "\ufeff",
    "\ud7ff", "\uffff", "\U0001f600", "ａ", "а", "ʼ", "＇", "\u0130", "ß", "e\u0301",
    "'", '"', "`", "' or 1=1--", '"; drop table hot; --', "${7*7}", "{{7*7}}", "<script>", "%", "%%", "%zz",
    "%s%s%s%n", "null", "undefined", "NaN", "true", "-1", "0", "1e400", "9" * 19, "9" * 40, "-" + "9" * 30,
    "0x10", "1.5",
    "+1", "１２３", "²", "t-", "t--1", "t-0", "t-" + "9" * 25, "task_", "task_zzzzzzzzzzzzzzzz",
    "TASK-x-1-1-000000000000-0000-000000", "*", "?", "~", "~root", "con", "nul", "-rf", "--help", "@", ":",
    ";", ",", "&", "=", "+", " ", "  ", "a b", "[]", "{}", "()", "|", "^", "a" * 255, "a" * 513, "a" * 4000,
    "é" * 300, "\u200b", "a/b", "//", "/", "\\",
]  # fmt: skip
STRINGS = [step + tail for step, tail in itertools.product(STEPS, TAILS)] + ODD
ENCODED = sorted({quote(text, safe="") for text in STRINGS} | {"%ff", "%c3%28", "%ed%a0%80", "%00", "%"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paths")
    async with serving(folder / "data") as running:
        before = set(folder.iterdir())
        yield running
        assert set(folder.iterdir()) == before


def test_the_strings_are_many():
    assert len(ENCODED) * sum(endpoint.operation.path.count("{") for endpoint in WITH_PARAMETERS) >= 500


@pytest.mark.parametrize("endpoint", WITH_PARAMETERS, ids=NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_odd_identifiers_are_refused(server, endpoint):
    operation = endpoint.operation
    client = server.client(await server.key(operation.name))
    places = re.findall(r"\{([^}]*)\}", operation.path)
    for place, odd in itertools.product(places, ENCODED):
        path = operation.path.replace(f"{{{place}}}", odd)
        path = re.sub(r"\{[^}]*\}", "default", path)
        body = b"{}" if operation.body is Body.JSON else None
        found = await client.status(operation.method, path, body=body, content_type=operation.media_types[0])
        assert 400 <= found < 500 or _takes_any_name(operation, place), f"{odd}: {found}"
        assert found < 500


def _takes_any_name(operation, place):
    """Names, not identifiers: whatever is printable may be asked for."""
    is_setting = operation.name.startswith("native.queues_")
    return (operation.method == "GET" or is_setting) and place in {"queue", "full_name"}
