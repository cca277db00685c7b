"""JSON-RPC 2.0, line by line: the 22 points of conformance. Each test is named after its point."""

import asyncio
import json

import msgspec
import pytest

from taskloom.core.access import Principal
from taskloom.core.limits import RPC_BATCH_LENGTH
from taskloom.dialects.agents import rpc
from taskloom.dialects.agents.dispatch import Dispatcher
from taskloom.dialects.agents.method import method
from taskloom.dialects.agents.routes import LIMIT_BYTES, OPERATIONS
from taskloom.dialects.agents.wire_params import Params
from taskloom.dialects.agents.wire_results import ReleaseResult, Result
from taskloom.dialects.operation import Request


def call(method="task.list", **more):
    return {"jsonrpc": "2.0", "id": 7, "method": method, **more}


def error_of(answer):
    assert answer.status == 200
    body = answer.json()
    assert body["jsonrpc"] == "2.0"
    assert set(body) == {"jsonrpc", "error", "id"}
    return body["error"]["code"], body["id"]


@pytest.mark.parametrize("version", ["1.0", 2.0, 2, None, "", "2"])
async def test_01_another_version_is_refused(server, version):
    assert error_of(await server.post(call() | {"jsonrpc": version})) == (-32600, 7)


async def test_01_a_missing_version_is_refused(server):
    assert error_of(await server.post({"id": 7, "method": "task.list"})) == (-32600, 7)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"jsonrpc": "2.0", "method"',
        b"nonsense",
        b"\xff\xfe",
        b'{"id": NaN}',
        b'"\xc3\x28"',
        b"{} {}",
    ],
)
async def test_02_what_is_no_json_is_a_parse_error(server, body):
    assert error_of(await server.post(body)) == (-32700, None)


@pytest.mark.parametrize("body", [b"[" * 150 + b"]" * 150, b'{"params":' + b"[" * 9000 + b"]" * 9000 + b"}"])
async def test_02_what_is_nested_too_deep_is_no_request(server, body):
    assert error_of(await server.post(body)) == (-32600, None)


async def test_02_a_member_that_is_repeated_is_no_request(server):
    twice = b'{"jsonrpc":"2.0","id":7,"method":"task.list","method":"task.get"}'

    assert error_of(await server.post(twice)) == (-32600, None)
    params = b'{"jsonrpc":"2.0","id":7,"method":"task.create","params":{"text":"a","text":"b"}}'
    assert error_of(await server.post(params)) == (-32602, 7)


@pytest.mark.parametrize("path", ["/rpc", "/rpc/batch"])
async def test_02_a_broken_batch_is_one_parse_error_and_no_array(server, path):
    body = b'[{"jsonrpc":"2.0","id":1,"method":"task.list"},{"jsonrpc"'

    assert error_of(await server.post(body, path)) == (-32700, None)


async def test_03_an_answer_has_a_result_or_an_error_and_never_both(server):
    good = (await server.post(call())).json()
    bad = (await server.post(call("no.such"))).json()

    assert set(good) == {"jsonrpc", "result", "id"}
    assert set(bad) == {"jsonrpc", "error", "id"}
    assert (good["jsonrpc"], bad["jsonrpc"]) == ("2.0", "2.0")


@pytest.mark.parametrize(
    "raw", ['"1"', "1", "0", '""', "-7", "9007199254740993", '"\\u00e4"', "12345678901234567890"]
)
async def test_04_an_id_keeps_its_type_and_value(server, raw):
    body = b'{"jsonrpc":"2.0","method":"task.list","id":%b}' % raw.encode()

    answer = await server.post(body)

    assert json.loads(answer.body)["id"] == json.loads(raw)
    assert type(json.loads(answer.body)["id"]) is type(json.loads(raw))
    assert answer.body.endswith(b'"id":%b}' % raw.encode())


async def test_05_a_null_id_is_a_call_and_answered(server):
    answer = await server.post(call() | {"id": None})

    assert answer.json()["id"] is None
    assert "result" in answer.json()


@pytest.mark.parametrize("raw", [b"1.5", b"-0.25", b"1e3"])
async def test_05_fractions_are_echoed(server, raw):
    answer = await server.post(b'{"jsonrpc":"2.0","method":"task.list","id":%b}' % raw)

    assert answer.body.endswith(b'"id":%b}' % raw)


@pytest.mark.parametrize("value", [True, False, [], [1], {}, {"a": 1}])
async def test_05_other_ids_are_refused_with_null(server, value):
    assert error_of(await server.post(call() | {"id": value})) == (-32600, None)


async def test_05_an_endless_id_is_refused(server):
    assert error_of(await server.post(call() | {"id": "x" * 2000})) == (-32600, None)


@pytest.mark.parametrize(
    "body",
    [
        {"jsonrpc": "2.0", "method": "task.list"},
        {"jsonrpc": "2.0", "method": "no.such.method"},
        {"jsonrpc": "2.0", "method": "task.complete", "params": {"id": "t-404"}},
        {"jsonrpc": "2.0", "method": "task.complete", "params": {"id": 1}},
        {"jsonrpc": "2.0", "method": "task.complete", "params": [1]},
    ],
)
async def test_06_a_notification_is_never_answered(server, body):
    answer = await server.post(body)

    assert (answer.status, answer.body) == (204, b"")


async def test_06_a_notification_is_carried_out(server):
    await server.post({"jsonrpc": "2.0", "method": "task.create", "params": {"text": "quietly"}})

    assert [task["text"] for task in (await server.ok("task.list"))["tasks"]] == ["quietly"]


@pytest.mark.parametrize(
    "member",
    [{"method": 1}, {"method": None}, {"method": ["a"]}, {"params": "x"}, {"params": 3}, {"params": True}],
)
async def test_07_an_invalid_request_is_refused_under_its_id(server, member):
    assert error_of(await server.post(call() | member)) == (-32600, 7)


async def test_07_an_invalid_request_without_usable_id_is_refused_under_null(server):
    assert error_of(await server.post({"jsonrpc": "2.0", "method": 1})) == (-32600, None)
    assert error_of(await server.post(b'"task.list"')) == (-32600, None)


async def test_08_absent_params_are_an_empty_object(server):
    assert "result" in (await server.post(call())).json()


async def test_08_null_params_are_no_request(server):
    assert error_of(await server.post(call() | {"params": None})) == (-32600, 7)


@pytest.mark.parametrize("params", [[], [1], ["t-1"]])
async def test_08_params_by_position_are_refused(server, params):
    assert error_of(await server.post(call("task.get", params=params))) == (-32602, 7)


async def test_08_an_empty_array_fits_a_method_that_takes_nothing(server):
    dispatcher = Dispatcher({"test.nothing": nothing})
    request = request_of(server)

    empty = await dispatcher.answer(request, rpc.Call("test.nothing", b" [ ] ".strip(), b"1"))
    given = await dispatcher.answer(request, rpc.Call("test.nothing", b"[1]", b"1"))

    assert json.loads(empty)["result"] == {"taskId": "t-1", "released": True}
    assert json.loads(given)["error"]["code"] == -32602


@pytest.mark.parametrize(
    "name", ["no.such", "", "task", "task.complete ", "TASK.LIST", "rpc.discover", "rpc.x"]
)
async def test_09_an_unknown_or_reserved_method_is_not_found(server, name):
    answer = await server.post(call(name))

    assert error_of(answer) == (-32601, 7)
    assert answer.json()["error"]["message"] == f"Method not found: {name}"


async def test_09_no_method_begins_with_rpc():
    assert not [one.name for one in OPERATIONS if one.name.startswith("agents.rpc.")]


@pytest.mark.parametrize("path", ["/rpc", "/rpc/batch"])
async def test_10_a_batch_is_answered_by_id_in_any_order(server, path):
    batch = [call() | {"id": number} for number in range(5)]

    answer = await server.post(batch, path)

    assert {one["id"] for one in answer.json()} == set(range(5))
    assert all("result" in one for one in answer.json())


async def test_10_members_run_side_by_side(server):
    """A claim that waits is fed by a creation that stands behind it in the same batch."""
    await server.worker("w1")
    batch = [
        call("task.claim", params={"workerId": "w1", "waitMs": 30_000}) | {"id": "claim"},
        call("task.create", params={"text": "now"}) | {"id": "create"},
    ]

    answer = await asyncio.wait_for(server.post(batch), 30)

    by_id = {one["id"]: one["result"] for one in answer.json()}
    assert by_id["claim"]["taskId"] == by_id["create"]["id"]


@pytest.mark.parametrize("path", ["/rpc", "/rpc/batch"])
async def test_11_an_empty_batch_is_one_error_and_no_array(server, path):
    assert error_of(await server.post([], path)) == (-32600, None)


async def test_12_a_batch_of_non_objects_is_an_array_of_errors(server):
    answer = await server.post([1, 2])

    assert [(one["error"]["code"], one["id"]) for one in answer.json()] == [(-32600, None), (-32600, None)]


async def test_13_only_calls_of_a_mixed_batch_are_answered(server):
    batch = [
        call() | {"id": "a"},
        {"jsonrpc": "2.0", "method": "task.create", "params": {"text": "quiet"}},
        {"jsonrpc": "2.0", "method": "no.such"},
        call("no.such") | {"id": "b"},
        17,
    ]

    answer = await server.post(batch)

    assert sorted((one.get("error", {}).get("code", 0), one["id"] or "") for one in answer.json()) == [
        (-32601, "b"),
        (-32600, ""),
        (0, "a"),
    ]


async def test_14_a_batch_of_notifications_has_no_body(server):
    answer = await server.post([{"jsonrpc": "2.0", "method": "task.list"}] * 3)

    assert (answer.status, answer.body) == (204, b"")


async def test_15_members_of_one_id_both_run_and_are_both_answered(server):
    batch = [call("task.create", params={"text": text}) for text in ("one", "two")]

    answer = await server.post(batch)

    assert sorted(one["result"]["text"] for one in answer.json()) == ["one", "two"]
    assert [one["id"] for one in answer.json()] == [7, 7]
    assert (await server.ok("task.list"))["totalCount"] == 2


async def test_16_one_failing_member_harms_no_other(server):
    claim = await server.claimed()
    batch = [
        call("task.complete", params={"id": "t-404"}) | {"id": 1},
        call("task.complete", params={"id": claim["taskId"], "workerId": "w1"}) | {"id": 2},
        call("task.create", params={"text": ""}) | {"id": 3},
        call("task.create", params={"text": "made"}) | {"id": 4},
    ]

    answer = await server.post(batch)

    assert {one["id"]: "result" in one for one in answer.json()} == {1: False, 2: True, 3: False, 4: True}
    assert (await server.ok("task.get", id=claim["taskId"]))["status"] == "completed"


async def test_17_a_batch_has_a_limit(server):
    most = await server.post([call()] * RPC_BATCH_LENGTH)
    more = await server.post([call()] * (RPC_BATCH_LENGTH + 1))

    assert len(most.json()) == RPC_BATCH_LENGTH
    assert error_of(more) == (-32600, None)
    assert more.json()["error"]["data"]["limit"] == RPC_BATCH_LENGTH


async def test_18_unknown_members_are_ignored(server):
    body = call("task.create", params={"text": "a", "colour": "red"}) | {"extra": [1], "metadata": {"x": 1}}

    answer = await server.post(body)

    assert answer.json()["result"]["text"] == "a"
    assert "colour" not in answer.json()["result"]


@pytest.mark.parametrize(
    "number",
    [
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "1e400",
        "-0",
        "9007199254740993",
    ],
)
async def test_20_numbers_of_a_result_survive(server, number):
    claim = await server.claimed()
    body = b'{"jsonrpc":"2.0","id":1,"method":"task.complete","params":{"id":"%b","result":{"n":%b}}}'
    await server.post(body % (claim["taskId"].encode(), number.encode()))

    answer = await server.post(call("task.get", params={"id": claim["taskId"]}))

    assert b'"result":{"n":%b}' % number.encode() in answer.body


async def test_21_an_error_is_a_number_and_one_sentence_without_a_trace(server):
    bodies = [
        b"{",
        b"[]",
        call("no.such"),
        call("task.get", params={"id": 1}),
        call("task.get", params={"id": "t-4"}),
    ]

    for body in bodies:
        error = (await server.post(body)).json()["error"]
        assert type(error["code"]) is int
        assert error["message"].strip()
        assert "\n" not in error["message"]
        assert "Traceback" not in json.dumps(error)


@pytest.mark.parametrize("name", ["test.wrong", "test.invalid", "test.fault", "test.endless"])
async def test_22_a_fault_in_what_we_answer_is_ours(server, name):
    answer = await Dispatcher(FAULTY).answer(request_of(server), rpc.Call(name, b"{}", b"1"))

    error = json.loads(answer)["error"]
    assert error == {"code": -32603, "message": "Internal error", "data": {"code": "INTERNAL_ERROR"}}


async def test_a_key_without_the_scope_of_a_method_may_not_call_it(server):
    reader = await server.known("reader", scopes=("task.read",))

    assert await server.refused("task.create", reader, text="no") == "FORBIDDEN"
    assert (await server.ok("task.list", reader))["totalCount"] == 0


async def test_rates_are_counted_by_key_and_method(server):
    slow = await server.known("slow", rate=2)
    batch = [call(), call(), call(), call("task.get", params={"id": "t-404"})]
    answers = (await server.post([one | {"id": number} for number, one in enumerate(batch)], by=slow)).json()
    answers.sort(key=lambda one: one["id"])
    other = answers.pop()

    assert ["result" in one for one in answers] == [True, True, False]
    error = answers[2]["error"]
    assert (error["code"], error["message"]) == (-32000, "Rate limit exceeded")
    assert error["data"] == {"code": "RATE_LIMITED", "limit": 2, "windowMs": 60_000, "retryAfterMs": 30_000}
    assert other["error"]["data"]["code"] == "TASK_NOT_FOUND"
    server.clock.advance(seconds=30)
    assert "result" in await server.rpc("task.list", slow)


async def test_without_a_rate_of_its_own_a_key_gets_what_the_method_publishes(server):
    plain = await server.known("plain", rate=None)

    answers = [await server.rpc("task.complete", plain, id="t-404") for _ in range(101)]

    codes = [one["error"]["data"]["code"] for one in answers]
    assert codes == ["TASK_NOT_FOUND"] * 100 + ["RATE_LIMITED"]


async def test_refusals_of_the_server_are_answers_of_json_rpc(server):
    answer = await server.post(call(), by=server.client(None))

    assert answer.status == 401
    assert answer.json()["error"]["code"] == -32002
    assert answer.json()["error"]["data"]["code"] == "UNAUTHORIZED"
    assert (answer.json()["jsonrpc"], answer.json()["id"]) == ("2.0", None)


async def test_17_a_body_has_a_limit(server):
    answer = await server.post(b'"' + b"x" * LIMIT_BYTES + b'"')

    assert answer.status == 413
    assert answer.json()["error"]["data"]["code"] == "TOO_LARGE"


@pytest.mark.parametrize("path", ["/rpc", "/rpc/batch", "/task/list"])
async def test_19_json_comes_as_json(server, path):
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert (await server.post(b"[]", path, headers={"content-type": kind})).status in {200, 400}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        assert (await server.post(b"[]", path, headers={"content-type": kind})).status == 415


async def test_the_administrator_may_call_everything(server):
    assert (await server.ok("task.list", server.admin))["totalCount"] == 0


def request_of(server):
    """A request as a handler gets it."""
    services = server.app.services
    root = Principal(name="root", tenant="*", scopes=frozenset({"admin"}), rate=0)
    return Request(
        OPERATIONS[0], services, root, "default", "/rpc", {}, {}, {}, b"", None, "test", asyncio.Event().wait
    )


class Nothing(Params, frozen=True, kw_only=True):
    """No params at all."""


class Endless(Result, frozen=True, kw_only=True):
    value: object


async def _nothing(context, params):
    return ReleaseResult(task_id="t-1", released=True)


async def _invalid(context, params):
    return msgspec.json.decode(b'{"taskId": 1}', type=ReleaseResult)


async def _fault(context, params):
    raise RuntimeError("secret")


async def _endless(context, params):
    return Endless(value=object())


def described(name, result, handler):
    return method(name, Nothing, result, handler, scope="", rate=0, summary="")


nothing = described("test.nothing", ReleaseResult, _nothing)
FAULTY = {
    "test.wrong": described("test.wrong", Endless, _nothing),
    "test.invalid": described("test.invalid", ReleaseResult, _invalid),
    "test.fault": described("test.fault", ReleaseResult, _fault),
    "test.endless": described("test.endless", Endless, _endless),
}
