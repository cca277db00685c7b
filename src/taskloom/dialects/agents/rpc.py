"""The JSON-RPC 2.0 envelope: what a body holds, call by call, and how answers are put together.

Ids are echoed as the bytes they came in, so they keep their type; results are joined in as bytes, so numbers
survive whatever their size.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.limits import RPC_BATCH_LENGTH, RPC_ID_LENGTH, RPC_METHOD_LENGTH
from taskloom.core.payload import opaque_error, strict_error
from taskloom.dialects.agents import errors
from taskloom.dialects.agents.errors import RpcError

NULL: Final = b"null"
NO_PARAMS: Final = b"{}"
_OPAQUE: Final = frozenset({"params", "id"})
"""Members that are not read here: the params are the method's to check, the id is only given back."""


class Call(Struct, frozen=True, gc=False):
    """A call that can be tried: its id as it came, None for a notification."""

    method: str
    params: bytes
    id: bytes | None


class Failed(Struct, frozen=True):
    """No call: it is answered with this error under this id."""

    error: RpcError
    id: bytes = NULL


class Batch(Struct, frozen=True):
    """Several calls, each on its own."""

    members: list[Call | Failed]


class _Envelope(Struct, gc=False):
    """The members of a request; empty bytes where one is absent."""

    jsonrpc: Raw = Raw()
    method: Raw = Raw()
    params: Raw = Raw()
    id: Raw = Raw()


_envelope: Final = msgspec.json.Decoder(_Envelope)
_any: Final = msgspec.json.Decoder(Raw)
_array: Final = msgspec.json.Decoder(list[Raw])
_text: Final = msgspec.json.Decoder(str)
_json: Final = msgspec.json.Encoder()


def read(body: bytes) -> Call | Failed | Batch:
    """What a body asks for. An array is a batch."""
    return read_batch(body) if body.lstrip()[:1] == b"[" else read_call(body)


def read_batch(body: bytes) -> Failed | Batch:
    """The calls of an array; anything else is one error, not an array of them."""
    unfit = opaque_error(body)
    if unfit is not None:
        return Failed(_no_json(body, unfit))
    try:
        members = _array.decode(body)
    except msgspec.ValidationError as error:
        return Failed(errors.invalid_request(f"a batch must be an array: {error}"))
    if not members:
        return Failed(errors.invalid_request("the batch is empty"))
    if len(members) > RPC_BATCH_LENGTH:
        issue = f"a batch may have {RPC_BATCH_LENGTH} members"
        return Failed(errors.invalid_request(issue, limit=RPC_BATCH_LENGTH))
    return Batch([read_call(bytes(member)) for member in members])


def _no_json(body: bytes, issue: str) -> RpcError:
    """Whether a body that was refused is no JSON, or JSON we do not take."""
    try:
        body.decode()
        _any.decode(body)
    except RecursionError:
        return errors.invalid_request(issue)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return errors.parse_error(issue)
    return errors.invalid_request(issue)


def read_call(body: bytes) -> Call | Failed:
    """One request object, checked member by member; the id is used for the answer as soon as it is valid."""
    unfit = strict_error(body, _OPAQUE)
    if unfit is not None:
        return Failed(_no_json(body, unfit))
    try:
        envelope = _envelope.decode(body)
    except msgspec.ValidationError as error:
        return Failed(errors.invalid_request(str(error)))
    number = bytes(envelope.id)
    if number and not _is_id(number):
        return Failed(errors.invalid_request("id must be a string, a number or null"))
    answer_id = number or NULL
    if _as_text(envelope.jsonrpc) != "2.0":
        return Failed(errors.invalid_request('jsonrpc must be "2.0"'), answer_id)
    method = _as_text(envelope.method)
    if method is None:
        return Failed(errors.invalid_request("method must be a string"), answer_id)
    params = bytes(envelope.params) or NO_PARAMS
    if params[:1] not in b"{[":
        return Failed(errors.invalid_request("params must be an object or an array"), answer_id)
    return Call(method[:RPC_METHOD_LENGTH], params, number or None)


def _is_id(raw: bytes) -> bool:
    """Whether this JSON value may be an id: a string, any number, or null; not endless."""
    if len(raw) > RPC_ID_LENGTH:
        return False
    return raw[:1] in b'"-0123456789' or raw == NULL


def _as_text(raw: Raw) -> str | None:
    """The text of a JSON string, None for anything else."""
    try:
        return _text.decode(raw)
    except msgspec.DecodeError:
        return None


def result(body: bytes, answer_id: bytes) -> bytes:
    """The answer that carries a result."""
    return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (body, answer_id)


def failure(error: RpcError, answer_id: bytes) -> bytes:
    """The answer that carries an error."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data:
        body["data"] = error.data
    return b'{"jsonrpc":"2.0","error":%b,"id":%b}' % (_json.encode(body), answer_id)
