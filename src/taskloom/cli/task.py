"""`taskloom task`: the tasks of a running server, of whichever protocol."""

import argparse
from typing import Any, Final

from taskloom.cli.actions import Actions, add_bulk_flags, confirmed, run_action
from taskloom.cli.failure import FAILED, MISUSED, NOT_FOUND, Failure
from taskloom.cli.letters import add_letters
from taskloom.cli.output import Progress, say, show
from taskloom.cli.remote import Server, segment

_COLUMNS: Final = ("key", "queue", "level", "state", "attempt", "worker", "created_at", "tenant")
_STATES: Final = ("waiting", "ready", "leased", "suspended", "completed", "failed", "cancelled")
_OPEN: Final = _STATES[:4]
_AT_ONCE: Final = 1_000

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    listing = actions.remote("list", _list, "list tasks, the newest first")
    _add_filter(listing)
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (default: 100)")
    listing.add_argument("--oldest", action="store_true", help="the oldest first")
    get = actions.remote("get", _get, "show one task with its input and result")
    get.add_argument("key_of_task", metavar="KEY")
    add_letters(actions)
    cancel = actions.remote("cancel", _cancel, "cancel tasks by key, or all open ones that a filter finds")
    cancel.add_argument("keys", metavar="KEY", nargs="*")
    _add_filter(cancel)
    cancel.add_argument("--reason", metavar="TEXT", default="cancelled", help="is kept with the task")
    add_bulk_flags(cancel)


def _add_filter(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which tasks")
    group.add_argument("--queue", metavar="NAME")
    group.add_argument("--level", type=int, metavar="N")
    group.add_argument("--state", action="append", choices=_STATES, help="may be given several times")
    group.add_argument("--dialect", metavar="NAME", help="the protocol they were made in")
    group.add_argument("--worker", metavar="NAME", help="who held them last")
    group.add_argument("--created-after", metavar="INSTANT", help="such as 2026-09-21T12:00:00Z")
    group.add_argument("--created-before", metavar="INSTANT")


def _filter(server: Server, arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("queue", "level", "state", "dialect", "worker", "created_after", "created_before")
    asked = {name: getattr(arguments, name) for name in names}
    return {**asked, "tenant": server.tenant}


def _list(server: Server, arguments: argparse.Namespace) -> int:
    order = "oldest" if arguments.oldest else "newest"
    size = max(1, min(arguments.limit, _AT_ONCE))
    query = {**_filter(server, arguments), "order": order, "limit": size}
    tasks = list(server.items("/api/v1/tasks", query, arguments.limit))
    show(tasks, as_json=arguments.json, columns=_COLUMNS)
    return 0


def _get(server: Server, arguments: argparse.Namespace) -> int:
    show(server.get(f"/api/v1/tasks/{segment(arguments.key_of_task)}"), as_json=arguments.json)
    return 0


def _cancel(server: Server, arguments: argparse.Namespace) -> int:
    keys = _chosen(server, arguments)
    return cancel_all(server, keys, arguments, arguments.reason, is_bulk=not arguments.keys)


def cancel_all(
    server: Server, keys: list[str], arguments: argparse.Namespace, reason: str, *, is_bulk: bool
) -> int:
    """0 when all are cancelled, 1 when some were refused; asks before where they were not named."""
    if arguments.dry_run:
        show([{"key": key} for key in keys], as_json=arguments.json, columns=("key",))
        say(f"{len(keys)} tasks would be cancelled")
        return 0
    if is_bulk and keys and not confirmed(arguments, f"Cancel {len(keys)} tasks?"):
        return FAILED
    outcomes = []
    with Progress("cancelling", len(keys)) as progress:
        for key in keys:
            outcomes.append(_cancelled(server, key, reason))
            progress.advance()
    show(outcomes, as_json=arguments.json, columns=("key", "status", "detail"))
    return 0 if all(one["status"] == "cancelled" for one in outcomes) else FAILED


def _chosen(server: Server, arguments: argparse.Namespace) -> list[str]:
    """The keys given, else those of all open tasks that the filter finds; without either nothing."""
    query = _filter(server, arguments)
    is_narrowed = any(value for name, value in query.items() if name != "tenant")
    if arguments.keys:
        if is_narrowed:
            raise Failure("give keys or a filter, not both", MISUSED)
        return list(arguments.keys)
    if not is_narrowed:
        raise Failure("say which tasks: keys, or a filter such as --queue", MISUSED)
    return found(server, {**query, "state": arguments.state or list(_OPEN)})


def found(server: Server, query: dict[str, Any]) -> list[str]:
    """The keys of all tasks that a filter finds, the oldest first."""
    keys = []
    with Progress("looking for tasks") as progress:
        for task in server.items("/api/v1/tasks", {**query, "order": "oldest", "limit": _AT_ONCE}):
            keys.append(task["key"])
            progress.advance()
    return keys


def _cancelled(server: Server, key: str, reason: str) -> dict[str, str]:
    """What came of one; a task that is gone or has ended does not keep the others from being cancelled."""
    try:
        answer = server.post(f"/api/v1/tasks/{segment(key)}/cancel", {"reason": reason})
    except Failure as failure:
        if failure.status not in (FAILED, NOT_FOUND):
            raise
        return {"key": key, "status": "refused", "detail": str(failure)}
    return {"key": key, "status": answer["status"], "detail": ""}
