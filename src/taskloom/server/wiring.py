"""From settings to a server: the one place that knows every adapter and every dialect."""

import importlib
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from taskloom import version
from taskloom.bus.memory import MemoryBus
from taskloom.callbacks.address import Guard, trusted
from taskloom.callbacks.postponed import Postponed
from taskloom.callbacks.signature import SecretSource
from taskloom.dialects.agents.routes import DIALECT as AGENTS
from taskloom.dialects.documents.routes import DIALECT as DOCUMENTS
from taskloom.dialects.native.routes import DIALECT as NATIVE
from taskloom.dialects.native.secrets import callback_secrets
from taskloom.dialects.operation import Dialect, Services
from taskloom.dialects.processes.routes import DIALECT as PROCESSES
from taskloom.dialects.queue.routes import DIALECT as QUEUE
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outbox import Render
from taskloom.ports.bus import Bus
from taskloom.ports.callbacks import Deliverer
from taskloom.ports.clock import Clock, SystemClock, SystemTokens, Tokens
from taskloom.ports.store import Store
from taskloom.server import health, oauth, openapi, orphans
from taskloom.server.app import App
from taskloom.server.auth import Authenticator
from taskloom.server.crowd import Crowd
from taskloom.server.dispatch import Gate
from taskloom.server.endpoint import Endpoint, endpoint
from taskloom.server.identity import Tenants
from taskloom.server.metrics import Metrics
from taskloom.server.ratelimit import Throttle
from taskloom.server.settings import Settings, SettingsError
from taskloom.server.tokens import Tokens as BearerTokens
from taskloom.store.backup import BLOBS, BUS
from taskloom.store.blobs import LocalBlobs
from taskloom.store.memory import MemoryStore
from taskloom.store.sqlite.store import SqliteStore
from taskloom.views.deliveries import DELIVERIES
from taskloom.views.view import Project, View

DIALECTS: Final = (QUEUE, AGENTS, DOCUMENTS, PROCESSES, NATIVE)
"""Every dialect, in the order in which they are asked who owns a path."""


class Adapters(Struct):
    """What a test may replace; None takes what the settings say."""

    store: Store | None = None
    bus: Bus | None = None
    deliverer: Deliverer | None = None
    clock: Clock | None = None
    tokens: Tokens | None = None
    dialects: Sequence[Dialect] | None = None


def build(settings: Settings, adapters: Adapters | None = None) -> App:
    """The application for these settings; `App.start` brings it to life."""
    given = adapters or Adapters()
    clock = given.clock or SystemClock()
    spoken = DIALECTS if given.dialects is None else given.dialects
    guard = Guard(map(trusted, settings.callbacks_allow), plain_http=settings.callbacks_http)
    deliverer = given.deliverer or _sender(guard, clock, lambda tenant: callback_secrets(engine, tenant))
    plan = _plan(settings, given, clock, spoken, deliverer)
    engine = Engine(plan)
    authenticator = Authenticator(engine.store, clock, BearerTokens(b""), required=settings.auth == "keys")
    connections, calls = Crowd(settings.connections_per_address), Crowd(settings.calls_per_key)
    gate = Gate(authenticator, Tenants(engine), Throttle(clock), connections, calls)
    services = Services(
        engine,
        {
            "compat.queue": settings.compat_queue,
            "compat.agents": settings.compat_agents,
            "data": str(settings.data),
        },
        {"blobs": LocalBlobs(settings.data / BLOBS), "guard": guard, "streams": plan.bus.streams()},
        authenticator.forget,
    )
    metrics = Metrics(version(), {"address": connections, "key": calls})
    endpoints: list[Endpoint] = []
    everything = [
        *spoken,
        oauth.dialect(authenticator),
        health.dialect(metrics, version()),
        openapi.dialect(endpoints, version()),
        orphans.dialect(spoken),
    ]
    endpoints.extend(
        endpoint(operation, of, metrics.observer(operation.name))
        for of in everything
        for operation in of.operations
    )
    return App(
        endpoints, everything, services, gate, NATIVE, preset_root_key=settings.root_key, metrics=metrics
    )


def _plan(
    settings: Settings, given: Adapters, clock: Clock, spoken: Sequence[Dialect], deliverer: Deliverer
) -> Plan:
    projections: dict[str, Project] = {}
    renders: dict[str, Render] = {}
    for dialect in spoken:
        projections.update(dialect.projections)
        renders.update(dialect.callbacks)
    return Plan(
        store=given.store or store_of(settings),
        clock=clock,
        tokens=given.tokens or SystemTokens(),
        bus=given.bus or _bus(settings, clock),
        deliverer=deliverer,
        flows=[flow for dialect in spoken for flow in dialect.flows],
        views=[view for dialect in spoken for view in dialect.views],
        projections=projections,
        renders=renders,
    )


def store_of(settings: Settings) -> Store:
    """The adapter the setting names; a database's driver is loaded only where it is used."""
    if settings.store == "memory":
        return MemoryStore()
    if settings.store == "sqlite":
        return SqliteStore(settings.data)
    adapter: Any = _optional("taskloom.store.postgres.store", "postgres")
    store: Store = adapter.PostgresStore(settings.store)
    return store


def _bus(settings: Settings, clock: Clock) -> Bus:
    """Servers that share a database wake each other through it, unless a bus is named."""
    if settings.bus != "memory":
        return _redis_bus(settings, clock)
    if settings.store in {"sqlite", "memory"}:
        return MemoryBus(clock)
    adapter: Any = _optional("taskloom.bus.postgres", "postgres")
    bus: Bus = adapter.PostgresBus(settings.store, clock)
    return bus


def _redis_bus(settings: Settings, clock: Clock) -> Bus:
    """The Redis of the setting, or one of our own."""
    embedded = settings.bus == "embedded"
    adapter: Any = _optional("taskloom.bus.redis", "bus" if embedded else "redis", "bus")
    if not embedded:
        there = importlib.import_module("taskloom.bus.client").Elsewhere(settings.bus)
        bus: Bus = adapter.RedisBus(there, clock)
        return bus
    try:
        place = importlib.import_module("taskloom.bus.embedded").Embedded(settings.data / BUS)
    except ModuleNotFoundError as error:
        raise SettingsError([_not_installed("bus", error, "bus")]) from error
    own: Bus = adapter.RedisBus(place, clock)
    return own


def _optional(module: str, extra: str, setting: str = "store") -> Any:
    """A module that needs an optional dependency."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError([_not_installed(setting, error, extra)]) from error


def _not_installed(setting: str, error: ModuleNotFoundError, extra: str) -> str:
    return f"{setting}: {error.name} is not installed: pip install 'taskloom[{extra}]'"


def _sender(guard: Guard, clock: Clock, secrets: SecretSource) -> Deliverer:
    def make() -> Deliverer:
        sender: Deliverer = importlib.import_module("taskloom.callbacks.sender").Sender(guard, secrets, clock)
        return sender

    return Postponed(make)


def views() -> list[View]:
    """The views of every dialect, as a server opens its store with them."""
    return [DELIVERIES, *(view for dialect in DIALECTS for view in dialect.views)]


def serve(settings: Settings) -> None:
    """Run a server until it is told to stop."""
    runner: Any = importlib.import_module("taskloom.server.run")
    runner.run(settings, build(settings))
