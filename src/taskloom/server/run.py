"""Running the application under uvicorn: sockets, signals, the line that says it is ready."""

import asyncio
import functools
import logging
import resource
import signal
import socket
import sys
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import Config

from taskloom.core.limits import KEEP_ALIVE_S, OPEN_FILES
from taskloom.server import logs
from taskloom.server.app import App
from taskloom.server.protocol import Protocol
from taskloom.server.settings import Settings

GRACE_S = 8
"""How long calls under way may take to end after the signal; the process is gone in ten seconds."""

FAILED = 1
"""The exit status of a server that could not start."""

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready and lets waiting callers go before it stops."""

    def __init__(self, config: Config, app: App, address: str) -> None:
        super().__init__(config)
        self._app = app
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so on standard output."""
        await super().startup(sockets)
        if self._app.new_root_key is not None:
            sys.stdout.write(f"The admin key, shown only now: {self._app.new_root_key}\n")
        sys.stdout.write(f"Taskloom is ready at {self._address}\n")
        sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the server in an orderly way, the second at once."""
        del frame
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        log.info("stopping after %s", signal.Signals(sig).name)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer whoever waits, then end the connections."""
        self._app.drain()
        await super().shutdown(sockets)


def run(settings: Settings, app: App) -> None:
    """Serve until a signal comes."""
    logs.set_up(frozenset({settings.root_key} if settings.root_key else ()))
    allow_open_files()
    listener = _listener(settings)
    config = configured(settings, app)
    server = Server(config, app, address(listener, secure=settings.tls_cert is not None))
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve([listener]))
    except SystemExit:
        raise SystemExit(FAILED) from None  # why stands in the log


def configured(settings: Settings, app: App) -> Config:
    """Settings of uvicorn: our protocol, and nothing that it would do by itself."""
    protocol: Any = functools.partial(Protocol, crowd=app.gate.connections)
    return Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nothing here asks for the caller's address
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def _listener(settings: Settings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        sys.stderr.write(f"taskloom: cannot listen on {settings.host}:{settings.port}: {error.strerror}\n")
        raise SystemExit(FAILED) from None


def allow_open_files() -> None:
    """An open wait is an open file: take as many as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(place)
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def address(listener: socket.socket, *, secure: bool) -> str:
    """The URL at which a socket listens."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
