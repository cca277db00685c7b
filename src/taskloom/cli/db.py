"""`taskloom db`: the schema of the stored data, a copy of it, and holding it still for other tools."""

import argparse
import asyncio
import importlib
from pathlib import Path
from typing import Any, Final

import msgspec

from taskloom.cli.actions import Actions, add_bulk_flags, confirmed, run_action
from taskloom.cli.failure import FAILED, MISUSED, Failure
from taskloom.cli.flags import add_setting_flags, settings_from
from taskloom.cli.output import Progress, say, show
from taskloom.cli.remote import Server
from taskloom.core.limits import FREEZE_S_DEFAULT, FREEZE_S_MAX
from taskloom.ports.store import NotCopiedError, Standing, Store, UnavailableError
from taskloom.server.settings import Settings, SettingsError

_PLACE: Final = ("data", "store")

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    add_setting_flags(actions.local("status", _status, "show which migrations are applied"), *_PLACE)
    migrate = actions.local(
        "migrate", _migrate, "apply the migrations that are missing; the server is stopped"
    )
    add_setting_flags(migrate, *_PLACE)
    add_bulk_flags(migrate)
    backup = actions.local("backup", _back_up, "copy the data folder, also while the server runs")
    backup.add_argument("target", metavar="TARGET", type=Path, help="folder that is not there yet")
    add_setting_flags(backup, *_PLACE)
    freeze = actions.remote("freeze", _freeze, "hold the files of a running server still, to copy them")
    freeze.add_argument(
        "--seconds",
        type=int,
        metavar="N",
        default=FREEZE_S_DEFAULT,
        help=f"when it ends by itself (default: {FREEZE_S_DEFAULT}, at most {FREEZE_S_MAX})",
    )
    thaw = actions.remote("thaw", _thaw, "end a freeze, and say whether it had lasted")
    thaw.add_argument("id", metavar="ID", help="what freeze printed")


def _store(settings: Settings) -> Store:
    """The adapter for these settings; loaded only now, for it brings the whole server along."""
    try:
        store: Store = importlib.import_module("taskloom.server.wiring").store_of(settings)
    except SettingsError as error:
        raise Failure("; ".join(error.problems), MISUSED) from None
    return store


def _standing(store: Store) -> Standing:
    try:
        return asyncio.run(store.standing())
    except UnavailableError as error:
        raise Failure(str(error)) from None


def _status(arguments: argparse.Namespace) -> int:
    """0 when a server of this version could start as it is, 1 when it would have to migrate, or could not."""
    standing = _standing(_store(settings_from(arguments).settings))
    if arguments.json:
        show(msgspec.to_builtins(standing), as_json=True)
    else:
        rows = [
            {"migration": name, "state": state}
            for state, names in (
                ("applied", standing.applied),
                ("pending", standing.pending),
                ("unknown", standing.strange),
            )
            for name in names
        ]
        show(rows, as_json=False, columns=("migration", "state"))
    if standing.strange:
        say("The data was written by a newer version. Upgrade: this version does not open it.")
    elif standing.pending:
        say("Pending migrations are applied by `taskloom db migrate`, and by the next start of the server.")
    return FAILED if standing.pending or standing.strange else 0


def _migrate(arguments: argparse.Namespace) -> int:
    settings = settings_from(arguments).settings
    store = _store(settings)
    standing = _standing(store)
    if standing.strange:
        raise Failure("the data was written by a newer version: upgrade")
    for name in standing.pending:
        say(f"pending: {name}")
    if not standing.pending:
        say("The schema is up to date.")
    elif arguments.dry_run or not confirmed(arguments, "Apply them? Make a backup before."):
        return 0 if arguments.dry_run else FAILED
    else:
        asyncio.run(_opened(store))
    if arguments.json:
        show({"applied": list(standing.pending)}, as_json=True)
    return 0


async def _opened(store: Store) -> None:
    """Opening is what migrates."""
    views: Any = importlib.import_module("taskloom.server.wiring").views()
    try:
        await store.open(views)
    except Exception as error:  # each adapter has its own reasons: in use, unreachable, a broken migration
        raise Failure(f"{error}") from error
    await store.close()


def _back_up(arguments: argparse.Namespace) -> int:
    settings = settings_from(arguments).settings
    backup: Any = importlib.import_module("taskloom.store.backup")
    bars = _Bars()
    try:
        copied = backup.back_up(_store(settings), settings.data, arguments.target, bars.tell)
    except (NotCopiedError, UnavailableError) as error:
        raise Failure(str(error)) from None
    finally:
        bars.close()
    shown = msgspec.to_builtins(copied)
    if not arguments.json:
        shown["rows"] = sum(copied.rows.values())
    show(shown, as_json=arguments.json)
    return 0


class _Bars:
    """One bar after another, a bar for each thing that is done."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Progress | None = None

    def tell(self, what: str, done: int, total: int) -> None:
        """So much of this is done."""
        if what != self._what:
            self.close()
            self._what, self._bar = what, Progress(what, total)
        if self._bar is not None:
            self._bar.reach(done, total)

    def close(self) -> None:
        """End the last one."""
        if self._bar is not None:
            self._bar.end()


def _freeze(server: Server, arguments: argparse.Namespace) -> int:
    frozen = server.post("/api/v1/store/freeze", {"seconds": arguments.seconds})
    show(frozen, as_json=arguments.json)
    say("Copy taskloom.db, then taskloom.db-wal, then the rest; then `taskloom db thaw ID`.")
    return 0


def _thaw(server: Server, arguments: argparse.Namespace) -> int:
    server.post("/api/v1/store/thaw", {"id": arguments.id})
    if arguments.json:
        show({"lasted": True}, as_json=True)
    say("The freeze had lasted: what was copied meanwhile is whole.")
    return 0
