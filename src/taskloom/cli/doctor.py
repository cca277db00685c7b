"""`taskloom doctor`: looks for what goes wrong on real machines, and says which command mends it."""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from taskloom.cli import exposure, machine
from taskloom.cli.check import Check
from taskloom.cli.failure import FAILED
from taskloom.cli.flags import add_setting_flags, settings_from
from taskloom.cli.output import painted, print_json, printable
from taskloom.ports.store import Store, UnavailableError
from taskloom.server.settings import Settings, SettingsError

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}
_CALL_S: Final = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: those of `serve`, for the doctor looks at what a server would start with."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--fast", action="store_true", help="leave out what takes long: disk and integrity")
    add_setting_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when nothing fails, warnings or not; 1 when something does."""
    settings = settings_from(arguments).settings
    found = []
    for check in _everything(settings, fast=arguments.fast):
        found.append(check)
        if not arguments.json:
            _print(check)
    if arguments.json:
        print_json(msgspec.to_builtins(found))
    return FAILED if any(check.verdict == "fail" for check in found) else 0


def _everything(settings: Settings, *, fast: bool) -> Iterator[Check]:
    yield from _machine(settings, fast=fast)
    yield exposure.port(settings)
    yield from exposure.doors(settings)
    yield from exposure.root_key(settings.root_key)
    yield from exposure.callbacks(settings)
    yield from _store(settings, fast=fast)
    yield from _bus(settings)


def _machine(settings: Settings, *, fast: bool) -> Iterator[Check]:
    yield machine.data_folder(settings.data)
    if settings.store == "sqlite":
        yield machine.file_system(settings.data)
        yield machine.sqlite_version()
    yield machine.free_space(settings.data)
    if not fast:
        yield machine.sync_speed(settings.data)
    yield machine.clock(settings.data)
    yield machine.open_files()


def _print(check: Check) -> None:
    mark = painted(f"{check.verdict:<4}", _COLOURS[check.verdict])
    sys.stdout.write(f"{mark}  {check.name:<12}  {printable(check.found)}\n")
    if check.verdict != "ok" and check.fix:
        sys.stdout.write(f"{'':<20}{printable(check.fix)}\n")
    sys.stdout.flush()


def _store(settings: Settings, *, fast: bool) -> Iterator[Check]:
    """Whether the store is there, has the right schema, and holds what it promises."""
    try:
        store: Store = importlib.import_module("taskloom.server.wiring").store_of(settings)
        standing = asyncio.run(store.standing())
    except SettingsError as error:
        yield Check("store", "fail", error.problems[0], "install what is missing")
        return
    except UnavailableError as error:
        yield Check("store", "fail", str(error), "start the database, or correct --store")
        return
    if standing.strange:
        found = "a newer version wrote the data"
        yield Check("schema", "fail", found, "pip install --upgrade taskloom")
    elif standing.pending and standing.applied:
        found = f"pending: {', '.join(standing.pending)}"
        yield Check("schema", "warn", found, "taskloom db backup, then taskloom db migrate")
    else:
        yield Check("schema", "ok", "up to date" if standing.applied else "will be made")
    complaints = asyncio.run(store.complaints(thorough=not fast)) if standing.applied else []
    for complaint in complaints:
        yield Check("store", "fail", complaint, "see docs/guides/operate.md, Restore")
    if not complaints:
        yield Check("store", "ok", "no complaints")


def _bus(settings: Settings) -> Iterator[Check]:
    """Whether the bus answers, where there is one."""
    if urlsplit(settings.bus).scheme in {"redis", "rediss", "valkey", "valkeys", "unix"}:
        yield asyncio.run(_redis(settings.bus))


async def _redis(url: str) -> Check:
    fix = "start Redis or Valkey, or correct --bus; tasks are safe without it, wake-ups are slower"
    try:
        redis: Any = importlib.import_module("redis.asyncio")
    except ModuleNotFoundError:
        return Check("bus", "fail", "the driver is not installed", "pip install 'taskloom[redis]'")
    address = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
    client = redis.from_url(address, socket_timeout=_CALL_S, socket_connect_timeout=_CALL_S)
    try:
        about = await client.info("server")
    except (OSError, importlib.import_module("redis.exceptions").RedisError) as error:
        return Check("bus", "warn", f"it does not answer: {error}", fix)
    finally:
        await client.aclose()
    return Check("bus", "ok", f"{about.get('server_name', 'redis')} {about.get('redis_version', '')}".strip())
