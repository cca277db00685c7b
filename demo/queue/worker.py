"""A worker process: embeddings with a small model on the CPU, and notes found by meaning, told word by word.

It is made with the client package. Its one key works for all tenants; whose turn it is the server decides.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import texts
from embedding import Array, Encoder
from taskloom_client import Reply, Worker

AT_ONCE = 4
LEASE_MS = 5_000
SHELF = 40
"""How many notes the chat chooses from."""

worker = Worker(
    os.environ["TASKLOOM_URL"],
    os.environ["TASKLOOM_KEY"],
    name=os.environ["TASKLOOM_WORKER"],
    concurrency=AT_ONCE,
    lease_ms=LEASE_MS,
)
encoder = Encoder()


@worker.task(texts.QUEUE)
def embed(asked: dict[str, Any]) -> Reply:
    """Answer as the embeddings endpoint does; a row without a text is refused."""
    if not asked["input"]:
        return Reply(400, {"error": {"message": "input is empty", "type": "invalid_request_error"}})
    (vector,) = encoder.encode([asked["input"]])
    entry = {"object": "embedding", "index": 0, "embedding": vector.tolist()}
    return Reply(200, {"object": "list", "model": asked["model"], "data": [entry]})


@worker.task(f"{texts.QUEUE}-chat")
def nearest(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Tell the note that is nearest in meaning to the last message, word by word."""
    (question,) = encoder.encode([asked["messages"][-1]["content"]])
    note = texts.text(int(np.argmax(_shelf() @ question)))
    for word in note.split(" "):
        yield _chunk(asked["model"], {"role": "assistant", "content": f"{word} "}, None)
    yield _chunk(asked["model"], {}, "stop")


@cache
def _shelf() -> Array:
    return encoder.encode([texts.text(number) for number in range(SHELF)])


def _chunk(model: str, delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-note",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": model,
        "choices": [choice],
    }


if __name__ == "__main__":
    worker.run()
