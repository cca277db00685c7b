"""Requests made from our own OpenAPI document, right and wrong ones, and what is wrong with the answers (A1).

Schemathesis makes the requests and judges the answers. What answers and accepted requests call `task_id`,
`jobKey` and so on is kept, and stands in most places of that name in later requests: calls reach what is so.
"""

import asyncio
import collections
import contextlib
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from msgspec import Struct
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks

from tests.server.fixtures import Client

PATIENCE_S = 0.1
"""A call that waits longer is left, as callers do; its answer is not judged."""
REMEMBERED = 50
ROUNDS = 4
TWISTS = 3
"""Requests of one case; making the case costs ten times what a request does."""
LIKELY = 0.7
LIKELY_IN_PATHS = 0.95
"""How likely a known value stands where one could; a path leads nowhere unless all of it is right."""
CONTRACTUAL = 504
"""The one 5xx that is an answer: a process did not end while its starter waited."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
SHAPES = {
    "TASK-": ("task_id", "after"),
    "file-": ("file_id", "input_file_id", "after"),
    "BATCH-": ("batch_id", "after"),
    "resp_": ("response_id",),
    "t-": ("taskId", "id"),
    "task_": ("task_id",),
    "upload_": ("upload_id",),
}
"""How ids begin, and under which names requests give them."""


class Known:
    """Values that stand for something in the server, by the names they have on the wire."""

    def __init__(self) -> None:
        self._values: dict[str, collections.deque[Any]] = {}

    def learn(self, told: Any) -> None:
        """Keep what a document names."""
        if isinstance(told, list):
            for value in told:
                self.learn(value)
        elif isinstance(told, dict):
            for name, value in told.items():
                if isinstance(value, str | int) and value:
                    begin = next((shape for shape in SHAPES if str(value).startswith(shape)), None)
                    for alias in SHAPES[begin] if begin else (name,):
                        self._values.setdefault(alias, collections.deque(maxlen=REMEMBERED)).append(value)
                self.learn(value)

    def used(self, value: Any, chance: random.Random, name: str = "", likely: float = LIKELY) -> Any:
        """The same, with known values in most of the places that have their name."""
        if isinstance(value, dict):
            return {key: self.used(inner, chance, key, likely) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.used(inner, chance, name, likely) for inner in value]
        if name in self._values and chance.random() < likely:
            return chance.choice(self._values[name])
        return value


class Form(Struct, frozen=True):
    """A body that is no JSON."""

    body: bytes
    media_type: str


STRANGE = (
    None,
    True,
    -1,
    0,
    2**63,
    2**64,
    1e308,
    0.5,
    "",
    "\x00",
    "\ud800",
    "%00",
    "x" * 300,
    "9" * 40,
    [],
    [[]],
    {},
    {"": {}},
)
"""What stands in one place of an otherwise good body."""


def spoiled(body: Any, chance: random.Random) -> Any:
    """The same with one value, somewhere, that is strange there."""
    if isinstance(body, dict) and body and chance.random() < 0.9:
        name = chance.choice(sorted(body))
        return {**body, name: spoiled(body[name], chance)}
    if isinstance(body, Form):
        at = chance.randrange(len(body.body))
        return Form(body.body[:at] + bytes([chance.randrange(256)]) + body.body[at + 1 :], body.media_type)
    if isinstance(body, list) and body and chance.random() < 0.9:
        at = chance.randrange(len(body))
        return [*body[:at], spoiled(body[at], chance), *body[at + 1 :]]
    return chance.choice(STRANGE)


def operations(document: dict[str, Any], dialect: str, left_out: Sequence[str] = ()) -> list[Any]:
    """What a document says about the operations of a dialect."""
    schema = schemathesis.openapi.from_dict(document).include(tag=dialect)
    if left_out:
        schema = schema.exclude(operation_id=list(left_out))
    return [found.ok() for found in schema.get_all_operations()]


class Fuzzer:
    """Calls every operation of one dialect; `problems` holds what is wrong, one example of each kind."""

    def __init__(
        self, operations: list[Any], client: Client, known: Known, good: Mapping[str, Sequence[Any]]
    ) -> None:
        self.problems: dict[tuple[str, str], str] = {}
        self.answers: collections.Counter[int] = collections.Counter()
        self.reached: collections.Counter[str] = collections.Counter()
        """By operation, how many calls were accepted."""
        self.left = 0
        self._client = client
        self._known = known
        self._good = good
        self._operations = operations

    def run(self, runner: asyncio.Runner, count: int, start: int, twists: int = TWISTS) -> None:
        """About so many requests, right and wrong, in rounds over all operations; `start` is the seed.

        Of each case so many requests are made: known values and good bodies are drawn anew every time.
        """
        each = settings(
            max_examples=max(1, count // (2 * ROUNDS * twists * len(self._operations))),
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        chance = random.Random(start)

        def call(case: Any) -> None:
            for _ in range(twists):
                runner.run(self._try(case, chance))

        for number in range(ROUNDS):
            for operation in self._operations:
                for mode in GenerationMode:
                    case = operation.as_strategy(generation_mode=mode)
                    with contextlib.suppress(Unsatisfiable):  # nothing about the operation can be wrong
                        each(seed(start + number)(given(case)(call)))()

    async def _try(self, case: Any, chance: random.Random) -> None:
        request = self._request(case, chance)
        url = urlsplit(request.url)
        answer = await self._client.patient(
            request.method,
            f"{url.path}?{url.query}",
            body=request.body.encode() if isinstance(request.body, str) else request.body,
            headers=_headers(request),
            patience_s=PATIENCE_S,
        )
        if answer is None:
            self.left += 1
            return
        self.answers[answer.status] += 1
        self.reached[case.operation.label] += answer.status < 300
        if answer.status < 300:
            self._known.learn(_read(answer.body))
            self._known.learn(_read(request.body or b""))
        headers = {name: [value] for name, value in answer.headers.items()}
        response = Response(answer.status, headers, answer.body, request, 0.0, verify=False)
        try:
            case.validate_response(response, checks=CHECKS[answer.status == CONTRACTUAL :])
        except FailureGroup as group:
            for failure in group.exceptions:
                kind = (case.operation.label, f"{answer.status} {failure.title}")
                shown = f"{request.method} {request.url} {request.body!r:.500}\n{answer.body[:500]!r}"
                self.problems.setdefault(kind, f"{failure.message}\n{shown}")

    def _request(self, case: Any, chance: random.Random) -> requests.PreparedRequest:
        """What was made, with known values; in place of its body a good one, or one that is nearly good."""
        made = case.as_transport_kwargs(base_url="http://test")
        path = self._known.used(dict(case.path_parameters or {}), chance, likely=LIKELY_IN_PATHS)
        query = self._known.used(dict(case.query or {}), chance)
        made["url"] = "http://test" + case.operation.path.format_map(
            {name: quote(str(value), safe="", errors="replace") for name, value in path.items()}
        )
        made["params"] = {name: query[name] for name in made.get("params") or {} if name in query}
        body = made.pop("json", None)
        good = self._good.get(case.operation.definition.raw["operationId"])
        if good is not None and chance.random() < 0.6:
            body = chance.choice(good)
            body = spoiled(body, chance) if chance.random() < 0.5 else body
        if body is not None:
            made.pop("files", None)
        if isinstance(body, Form):
            made["data"], made["headers"]["content-type"] = body.body, body.media_type
        elif body is not None:
            made["data"] = json.dumps(self._known.used(body, chance)).encode()
            made["headers"]["content-type"] = "application/json"
        return requests.Request(**{name: value for name, value in made.items() if name in _REQUEST}).prepare()


_REQUEST = ("method", "url", "headers", "params", "data", "files")


def _headers(request: requests.PreparedRequest) -> dict[str, str]:
    """As they were made, but without those that are ours."""
    ours = {"authorization", "content-length", "host", "connection", "transfer-encoding"}
    found = {name.lower(): value for name, value in request.headers.items()}
    texts = {
        name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in found.items()
    }
    return {name: value for name, value in texts.items() if name not in ours}


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
