"""A tenant with its appetite: blocking, streaming and callback tasks, spread over the time of the batch."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import texts
from openai import AsyncOpenAI, OpenAIError

from demo.scene import Server

CHAT = f"{texts.QUEUE}-chat"
_SPREAD = 0.8
"""The last task is asked for when so much of the batch is done."""

Reached = Callable[[float], Awaitable[None]]
"""Waits until that share of the batch is done."""


class Tenant:
    """One who asks, `appetite` times in each mode; it bears that the server goes away and comes back."""

    def __init__(self, server: Server, name: str, key: str, appetite: int) -> None:
        self.name = name
        self.appetite = appetite
        self.right = 0
        """Blocking and streaming answers that were what they should be."""
        self.again = 0
        """Streams that broke and were asked for again."""
        self.put: set[str] = set()
        """Ids of the tasks whose end is to be told by a callback."""
        self.client = AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=60, timeout=120)

    async def register(self) -> None:
        """The two queues it uses."""
        for queue, endpoint in ((texts.QUEUE, "/v1/embeddings"), (CHAT, "/v1/chat/completions")):
            asked = {"queue": queue, "endpoint": endpoint, "models": [texts.MODEL]}
            await self.client.post("/queue/register", cast_to=object, body=asked)

    async def ask(self, reached: Reached, callback_url: str) -> None:
        """All its tasks, three at a time, one of each mode."""

        async def one(number: int) -> None:
            await reached(_SPREAD * (number + 0.5) / self.appetite)
            await asyncio.gather(
                self._blocking(number), self._streaming(number), self._put(number, callback_url)
            )

        await asyncio.gather(*[one(number) for number in range(self.appetite)])

    async def _blocking(self, number: int) -> None:
        answer = await self.client.embeddings.create(
            model=texts.MODEL,
            input=texts.text(number),
            encoding_format="float",
            extra_headers={"Idempotency-Key": f"blocking-{number}"},
        )
        self.right += len(answer.data[0].embedding) == 384

    async def _streaming(self, number: int) -> None:
        note = texts.text(number)
        while True:
            try:
                told = await self._stream(note)
            except (OpenAIError, httpx2.HTTPError):
                self.again += 1
                await asyncio.sleep(0.2)
                continue
            self.right += told.strip() == note
            return

    async def _stream(self, question: str) -> str:
        messages: list[Any] = [{"role": "user", "content": question}]
        told = ""
        stream = await self.client.chat.completions.create(model=texts.MODEL, messages=messages, stream=True)
        async for chunk in stream:
            told += chunk.choices[0].delta.content or ""
        return told

    async def _put(self, number: int, callback_url: str) -> None:
        """At the level of the batch, so that only fairness lets it pass the rows that wait there."""
        task = {
            "queue": texts.QUEUE,
            "endpoint": "/v1/embeddings",
            "level": 1,
            "data": texts.request(number),
            "callback_url": callback_url,
        }
        answer: Any = await self.client.post(
            "/queue/put",
            cast_to=object,
            body=task,
            options={"headers": {"Idempotency-Key": f"callback-{number}"}},
        )
        self.put.add(answer["data"])
