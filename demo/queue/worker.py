"""A worker process: embeddings with a small model on the CPU, and notes found by meaning, told word by word.

It is made with the client package. Its one key works for all tenants; whose turn it is the server decides.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import texts
from embedding import Array, Encoder

from taskloom_client import Reply, Worker

HELD = 16
"""How many tasks it holds at once; so long may another tenant's task have to wait."""
LEASE_MS = 5_000
SHELF = 40
"""How many notes the chat chooses from."""

worker = Worker(
    os.environ["TASKLOOM_URL"],
    os.environ["TASKLOOM_KEY"],
    name=os.environ["TASKLOOM_WORKER"],
    concurrency=HELD,
    lease_ms=LEASE_MS,
)


class Together:
    """Encodes in one go what was asked for while the model was busy."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._waiting: list[tuple[str, asyncio.Future[Array]]] = []
        self._busy = asyncio.Lock()
        self.shelf = self._encoder.encode([texts.text(number) for number in range(SHELF)])

    async def encode(self, text: str) -> Array:
        """The vector of a text."""
        answer: asyncio.Future[Array] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, answer))
        async with self._busy:
            if not answer.done():
                await self._encode_all()
        return answer.result()

    async def _encode_all(self) -> None:
        together, self._waiting = self._waiting, []
        vectors = await asyncio.to_thread(self._encoder.encode, [text for text, _ in together])
        for (_, answer), vector in zip(together, vectors, strict=True):
            answer.set_result(vector)


model = Together()


@worker.task(texts.QUEUE)
async def embed(asked: dict[str, Any]) -> Reply:
    """Answer as the embeddings endpoint does; a row without a text is refused."""
    if not asked["input"]:
        return Reply(400, {"error": {"message": "input is empty", "type": "invalid_request_error"}})
    vector = await model.encode(asked["input"])
    entry = {"object": "embedding", "index": 0, "embedding": vector.tolist()}
    return Reply(200, {"object": "list", "model": asked["model"], "data": [entry]})


@worker.task(f"{texts.QUEUE}-chat")
async def nearest(asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Tell the note that is nearest in meaning to the last message, word by word."""
    question = await model.encode(asked["messages"][-1]["content"])
    note = texts.text(int(np.argmax(model.shelf @ question)))
    for word in note.split(" "):
        yield _chunk(asked["model"], {"role": "assistant", "content": f"{word} "}, None)
    yield _chunk(asked["model"], {}, "stop")


def _chunk(model_name: str, delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-note",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": model_name,
        "choices": [choice],
    }


if __name__ == "__main__":
    worker.run()
