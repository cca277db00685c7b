"""The application behind a real socket in this process: for tests that need its limits to be short."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from taskloom.server.run import Server, configured, listen
from taskloom.server.settings import Settings
from taskloom.server.wiring import build
from tests.server.fixtures import ROOT_KEY


@contextlib.asynccontextmanager
async def listening(folder: Path, **settings: Any) -> AsyncIterator[int]:
    """Serve over a folder; the port at which it listens."""
    told = Settings(data=folder, root_key=ROOT_KEY, **settings)
    app = build(told)
    config = configured(told, app)
    config.load()
    server = Server(config, app, "a port of the test")
    server.lifespan = config.lifespan_class(config)
    listener = listen("127.0.0.1", 0)
    await server.startup([listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await server.shutdown([listener])
