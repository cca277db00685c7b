"""Whatever a body holds: it is a call, a batch or one refusal, and never a fault."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.agents import errors, rpc

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "method": st.sampled_from(["task.list", "rpc.x", ""]) | JSON,
        "params": JSON,
        "id": JSON,
    },
)
REQUESTS = MEMBERS | st.lists(MEMBERS | JSON, max_size=5) | JSON
CODES = {errors.PARSE_ERROR, errors.INVALID_REQUEST}


def read_one(read):
    """What was read keeps the rules of an answer."""
    if isinstance(read, rpc.Batch):
        assert read.members
        for member in read.members:
            assert not isinstance(member, rpc.Batch)
            read_one(member)
    elif isinstance(read, rpc.Failed):
        answer = json.loads(rpc.failure(read.error, read.id))
        assert answer["error"]["code"] in CODES
        assert type(answer["id"]) in {str, int, float, type(None)}
    else:
        assert type(read.method) is str
        assert read.params[:1] in b"{["
        assert read.id is None or type(json.loads(read.id)) in {str, int, float, type(None)}


@given(REQUESTS)
def test_json_of_any_shape(value):
    read_one(rpc.read(json.dumps(value).encode()))


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0123\\ue-. \n', max_size=60).map(str.encode))
def test_bytes_of_any_kind(body):
    read_one(rpc.read(body))
    read_one(rpc.read_batch(body))


@given(st.binary(max_size=40), st.integers(0, 80))
def test_a_call_that_was_cut_or_damaged(junk, at):
    body = b'{"jsonrpc":"2.0","id":"a","method":"task.get","params":{"id":"t-1"}}'

    read_one(rpc.read(body[:at]))
    read_one(rpc.read(body[:at] + junk + body[at:]))


@pytest.mark.parametrize("kind", Kind)
def test_every_refusal_of_the_core_has_its_words(kind):
    error = errors.of_rejection(Rejection(kind, 1), "t-1")

    assert error.code < 0
    assert error.message
    assert error.data["code"]
    assert 400 <= error.status < 600
    assert msgspec.json.encode(error.data)
