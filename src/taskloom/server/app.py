"""The application: pure ASGI, so that any server can run it; it starts and stops what it is made of."""

import logging
from collections.abc import Sequence

from taskloom.dialects.operation import Dialect, Services
from taskloom.engine.engine import Engine
from taskloom.server.answer import Receive, Send
from taskloom.server.dispatch import Dispatch, Gate, Scope
from taskloom.server.endpoint import Endpoint
from taskloom.server.identity import root_key, signing_secret
from taskloom.server.metrics import Metrics
from taskloom.server.tokens import Tokens

log = logging.getLogger(__name__)


class App:
    """All dialects at one origin, over one engine."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        dialects: Sequence[Dialect],
        services: Services,
        gate: Gate,
        fallback: Dialect,
        *,
        preset_root_key: str | None,
        metrics: Metrics,
    ) -> None:
        self.endpoints = endpoints
        self.dialects = dialects
        self.services = services
        self.gate = gate
        self.new_root_key: str | None = None
        """The admin key, if this start made it; shown once and never again."""
        self._preset = preset_root_key
        self._metrics = metrics
        self._dispatch = Dispatch(endpoints, dialects, services, gate, fallback)

    @property
    def engine(self) -> Engine:
        """The engine below."""
        return self.services.engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection of the ASGI server."""
        kind = scope["type"]
        if kind == "http":
            await self._dispatch(scope, receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start and stop with the ASGI server."""
        await receive()
        try:
            await self.start()
        except Exception as error:
            log.exception("the server cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Start the engine, see to identity, start the dialects."""
        await self.engine.start()
        self.engine.measure(self._metrics.committed)
        self.new_root_key = await root_key(self.engine, self._preset)
        self.gate.authenticator.tokens = Tokens(await signing_secret(self.engine))
        for dialect in self.dialects:
            if dialect.start is not None:
                await dialect.start(self.services)

    def drain(self) -> None:
        """The server is about to stop: not ready any more, and whoever waits is answered now."""
        self.engine.ready = False
        self.engine.waiting.close()

    async def stop(self) -> None:
        """Stop the dialects, then the engine."""
        self.drain()
        for dialect in reversed(self.dialects):
            if dialect.stop is None:
                continue
            try:
                await dialect.stop(self.services)
            except Exception:  # the engine must stop in any case
                log.exception("the dialect %s did not stop in an orderly way", dialect.name)
        await self.engine.stop()
