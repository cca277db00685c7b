"""What the server and its step processes say to each other: length-prefixed MessagePack frames."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from taskloom.flows.document.schema import Entity

LENGTH_BYTES = 4
FRAME_BYTES_MAX = 256 * 1024 * 1024


class ReadText(Struct, frozen=True, tag=True):
    """Read the pages and words of a file."""

    data: bytes


class Extract(Struct, frozen=True, tag=True):
    """Propose values for entities of a file."""

    data: bytes
    entities: tuple[Entity, ...]


Job = ReadText | Extract


class AtPage(Struct, frozen=True, tag=True):
    """The process is about to read that page; it lives."""

    page: int


class Done(Struct, frozen=True, tag=True):
    """The step's result as JSON."""

    result: bytes


class Failed(Struct, frozen=True, tag=True):
    """The step will not succeed with this file: a code the dialect publishes, and a sentence."""

    code: str
    message: str


Reply = AtPage | Done | Failed

encode = msgspec.msgpack.Encoder().encode
decode_job: Callable[[bytes], Job] = msgspec.msgpack.Decoder(Job).decode
decode_reply: Callable[[bytes], Reply] = msgspec.msgpack.Decoder(Reply).decode


def frame(message: Job | Reply) -> bytes:
    """A message with its length before it."""
    body = encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
