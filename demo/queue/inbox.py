"""Where callbacks and events arrive: each signature is verified before anything is believed."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web
from openai import InvalidWebhookSignatureError, OpenAI


class Inbox:
    """An HTTP server with a path for each sender, whose secrets `trust` names."""

    def __init__(self) -> None:
        self.arrived: dict[str, set[str]] = {}
        """Sender -> webhook ids whose signature was right."""
        self.tasks: dict[str, set[str]] = {}
        """Sender -> ids of the tasks these calls are about."""
        self.events: list[str] = []
        """What the bodies say they are, for those that are events."""
        self.news = asyncio.Event()
        self.repeated = 0
        self.refused = 0
        self._secrets: dict[str, str] = {}
        self._verifier = OpenAI(api_key="unused")

    def address(self, sender: str) -> str:
        """Where calls of this sender go to."""
        return f"{self._url}/{sender}"

    def trust(self, sender: str, secret: str) -> None:
        """Calls of this sender are signed with the secret."""
        self._secrets[sender] = secret
        self.arrived[sender], self.tasks[sender] = set(), set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{sender}", self._receive)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        sender, body = request.match_info["sender"], await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            self._verifier.webhooks.verify_signature(body, headers, secret=self._secrets[sender])
        except (InvalidWebhookSignatureError, KeyError, ValueError):
            self.refused += 1
            return web.Response(status=400)
        if headers["webhook-id"] in self.arrived[sender]:
            self.repeated += 1
            return web.Response(status=204)
        self.arrived[sender].add(headers["webhook-id"])
        if "x-bella-task-id" in headers:
            self.tasks[sender].add(headers["x-bella-task-id"])
        else:
            self.events.append((await request.json())["type"])
        self.news.set()
        return web.Response(status=204)
