"""Bodies that are refused as a whole, with the place that is wrong."""

import pytest

from taskloom.core.limits import ATTRIBUTES_BYTES, BULK_ITEMS, PAYLOAD_BYTES
from taskloom.engine import writer
from tests.dialects.native.bench import QUEUE, codes, done

ENVELOPES = {
    "no JSON": (b"{", "bad_json"),
    "no object": (b"[]", "invalid"),
    "nothing": (b"", "bad_json"),
    "no items": (b"{}", "invalid"),
    "empty": (b'{"items":[]}', "invalid"),
    "a number as key": (b'{"items":[{"key":1}]}', "invalid"),
    "no key": (b'{"items":[{"result":1}]}', "invalid"),
    "unknown member": (b'{"items":[{"key":"1","by":"forged"}]}', "invalid"),
    "repeated items": (b'{"items":[{"key":"1"}],"items":[{"key":"2"}]}', "bad_json"),
    "repeated key": (b'{"items":[{"key":"1","key":"2"}]}', "bad_json"),
    "repeated result": (b'{"items":[{"key":"1","result":"\\"","result":""}]}', "bad_json"),
    "repeated at its default": (b'{"items":[{"key":"1","worker":"","worker":""}]}', "bad_json"),
    "repeated in disguise": (b'{"items":[{"key":"1","k\\u0065y":"2"}]}', "bad_json"),
    "NUL": (b'{"items":[{"key":"1","lease_token":"\\u0000"}]}', "bad_json"),
    "control character": (b'{"items":[{"key":"1","worker":"a\\n"}]}', "invalid"),
    "lone surrogate": (b'{"items":[{"key":"1","worker":"\\ud800"}]}', "bad_json"),
    "no UTF-8": (b'{"items":[{"key":"1","result":"\xff"}]}', "bad_json"),
    "NaN": (b'{"items":[{"key":"1","result":NaN}]}', "bad_json"),
    "too deep": (b'{"items":[{"key":"1","result":' + b"[" * 200 + b"]" * 200 + b"}]}", "bad_json"),
    "long name": (b'{"items":[{"key":"1","worker":"' + b"w" * 257 + b'"}]}', "invalid"),
    "too many": (b'{"items":[' + b",".join([b'{"key":"1"}'] * (BULK_ITEMS + 1)) + b"]}", "invalid"),
}


@pytest.mark.parametrize("name", ENVELOPES)
async def test_a_bad_envelope_is_refused_with_a_problem(bench, name):
    body, code = ENVELOPES[name]

    answer = await bench.post("/complete", body=body)

    assert (answer.status, answer.json()["code"]) == (400, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_refused_body_does_nothing(bench):
    (task,) = await bench.taken()
    good = f'{{"key":"{task["key"]}","result":1}}'

    answer = await bench.post("/complete", body=f'{{"items":[{good},{{"key":"1","key":"2"}}]}}'.encode())

    assert answer.status == 400
    assert "$.items[1]" in answer.json()["detail"]
    assert (await bench.get(task["key"]))["state"] == "leased"


async def test_escapes_in_an_envelope_are_read_like_any_other_spelling(bench):
    (task,) = await bench.taken(worker='a"b')
    item = f'{{"k\\u0065y":"{task["key"]}","worker":"a\\"b","result":"\\\\"}}'

    answer = await bench.post("/complete", body=f'{{"items":[{item}]}}'.encode())

    assert codes(answer.json()["items"]) == ["completed"]


async def test_a_body_beyond_the_limit_is_refused(bench):
    (task,) = await bench.taken()

    answer = await bench.post("/complete", [done(task, "x" * PAYLOAD_BYTES)])

    assert answer.status == 413


async def test_keys_that_no_task_can_have_are_missing_ones(bench):
    keys = ["0", "-1", "", "01x", "9" * 19, "9" * 30, "٣", "1e3"]

    assert codes(await bench.complete(*[{"key": key} for key in keys])) == ["not_found"] * len(keys)
    assert codes(await bench.fail(*[{"key": key} for key in keys])) == ["not_found"] * len(keys)


@pytest.mark.parametrize(
    "item",
    [
        '{"queue":""}',
        '{"queue":"q\\n"}',
        '{"queue":"q","level":10}',
        '{"queue":"q","metadata":[]}',
        '{"queue":"q","metadata":{"a":1,"a":2}}',
        '{"queue":"q","metadata":{"a":{"b":1,"b":2}}}',
        '{"queue":"q","metadata":{"a":1e400}}',
        '{"queue":"q","metadata":{"a":"\\u0000"}}',
        f'{{"queue":"q","metadata":{{"a":"{"x" * ATTRIBUTES_BYTES}"}}}}',
        '{"queue":"q","expires_at":"2026-01-01T00:00:00"}',
        '{"queue":"q","tenant":"elsewhere"}',
        '{"queue":"q","key":"1"}',
    ],
)
async def test_a_task_is_not_made_of(bench, item):
    answer = await bench.post("", body=f'{{"items":[{item}]}}'.encode())

    assert answer.status == 400
    assert await bench.claimed(10, queues=[{"queue": "q"}]) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"queues": []},
        {"queues": [{"queue": QUEUE, "level": -1}]},
        {"queues": [{"queue": QUEUE}] * 101},
        {"size": 0},
        {"size": 1_001},
        {"lease_ms": 0},
        {"wait_ms": 600_001},
        {"holder": "forged"},
    ],
)
async def test_a_claim_is_refused_with(bench, fields):
    await bench.made()

    answer = await bench.post("/claim", **{"queues": [{"queue": QUEUE}], **fields})

    assert (answer.status, answer.json()["code"]) == (400, "invalid")


async def test_a_call_that_finds_no_room_is_refused_as_a_whole(bench, monkeypatch):
    (task,) = await bench.taken()
    monkeypatch.setattr(writer, "WAITING_COMMANDS", 1)

    answer = await bench.post("/complete", [done(task), done(task)])

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert codes(await bench.complete(done(task))) == ["completed"]
