"""The actions of `taskloom task` on dead letters: tasks that failed for good and wait for somebody."""

import argparse
from collections.abc import Callable
from typing import Any, Final

from taskloom.cli.actions import Actions, add_bulk_flags, confirmed
from taskloom.cli.failure import FAILED, MISUSED, NOT_FOUND, Failure
from taskloom.cli.output import Progress, say, show
from taskloom.cli.remote import Server, segment

_LETTERS: Final = "/api/v1/dead-letters"
_COLUMNS: Final = ("key", "queue", "level", "attempt", "code", "detail", "died_at", "tenant")
_OUTCOMES: Final = ("key", "status", "detail")
_FILTER: Final = ("queue", "level", "code", "dialect", "died_after", "died_before")
_AT_ONCE: Final = 100

Act = Callable[[Server, str], dict[str, str]]


def add_letters(actions: Actions) -> None:
    """Declare the actions."""
    dead = actions.remote("dead", _list, "list tasks that failed for good and wait for somebody to look")
    dead.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (default: 100)")
    _add_filter(dead)
    for name, function, summary in (
        ("replay", _replay, "begin anew with dead tasks, by key or all that a filter finds"),
        ("discard", _discard, "strike dead tasks off the list; they stay failed"),
    ):
        action = actions.remote(name, function, summary)
        action.add_argument("keys", metavar="KEY", nargs="*")
        action.add_argument("--all", action="store_true", help="every dead task, without any filter")
        _add_filter(action)
        add_bulk_flags(action)


def _add_filter(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which dead tasks")
    group.add_argument("--queue", metavar="NAME")
    group.add_argument("--level", type=int, metavar="N")
    group.add_argument("--code", metavar="CODE", help="of the error they died of")
    group.add_argument("--dialect", metavar="NAME", help="the protocol they were made in")
    group.add_argument("--died-after", metavar="INSTANT", help="such as 2026-09-21T12:00:00Z")
    group.add_argument("--died-before", metavar="INSTANT")


def _filter(server: Server, arguments: argparse.Namespace) -> dict[str, Any]:
    return {**{name: getattr(arguments, name) for name in _FILTER}, "tenant": server.tenant}


def _list(server: Server, arguments: argparse.Namespace) -> int:
    query = {**_filter(server, arguments), "limit": max(1, min(arguments.limit, _AT_ONCE))}
    found = list(server.items(_LETTERS, query, arguments.limit))
    rows = found if arguments.json else [{**letter, **letter["error"]} for letter in found]
    show(rows, as_json=arguments.json, columns=_COLUMNS)
    return 0


def _replay(server: Server, arguments: argparse.Namespace) -> int:
    def replayed(server: Server, key: str) -> dict[str, str]:
        answer = server.post(f"{_LETTERS}/{segment(key)}/replay")
        return {"key": answer["key"], "status": answer["status"], "detail": ""}

    return _each(server, arguments, replayed, "replay")


def _discard(server: Server, arguments: argparse.Namespace) -> int:
    def discarded(server: Server, key: str) -> dict[str, str]:
        server.call("DELETE", f"{_LETTERS}/{segment(key)}")
        return {"key": key, "status": "discarded", "detail": ""}

    return _each(server, arguments, discarded, "discard")


def _each(server: Server, arguments: argparse.Namespace, act: Act, word: str) -> int:
    """Do it to all that are chosen; 1 when some were refused."""
    keys = _chosen(server, arguments)
    if arguments.dry_run:
        show([{"key": key} for key in keys], as_json=arguments.json, columns=("key",))
        say(f"{word}: {len(keys)} tasks")
        return 0
    if not arguments.keys and keys and not confirmed(arguments, f"{word.capitalize()} {len(keys)} tasks?"):
        return FAILED
    outcomes = []
    with Progress(word, len(keys)) as progress:
        for key in keys:
            outcomes.append(_outcome(server, key, act))
            progress.advance()
    show(outcomes, as_json=arguments.json, columns=_OUTCOMES)
    return FAILED if any(one["status"] == "refused" for one in outcomes) else 0


def _chosen(server: Server, arguments: argparse.Namespace) -> list[str]:
    """The keys given, else those of all dead tasks that the filter finds, the oldest first."""
    query = _filter(server, arguments)
    is_narrowed = arguments.all or any(getattr(arguments, name) is not None for name in _FILTER)
    if bool(arguments.keys) is is_narrowed:
        raise Failure("say which dead tasks: keys, or a filter such as --queue, or --all", MISUSED)
    if arguments.keys:
        return list(arguments.keys)
    found = server.items(_LETTERS, {**query, "order": "oldest", "limit": _AT_ONCE})
    return [letter["key"] for letter in found]


def _outcome(server: Server, key: str, act: Act) -> dict[str, str]:
    try:
        return act(server, key)
    except Failure as failure:
        if failure.status not in (FAILED, NOT_FOUND):
            raise
        return {"key": key, "status": "refused", "detail": str(failure)}
