"""`taskloom queue`: the queues of a running server: what stands in them, and what holds for them."""

import argparse
from typing import Any, Final

from taskloom.cli.actions import Actions, add_bulk_flags, confirmed, run_action
from taskloom.cli.failure import FAILED, MISUSED, Failure
from taskloom.cli.output import Progress, show
from taskloom.cli.remote import Server, segment
from taskloom.cli.task import cancel_all, found

_QUEUES: Final = "/api/v1/queues"
_COLUMNS: Final = ("queue", "ready", "in_flight")
_KEYS: Final = (
    *("key", "batch", "level", "ready", "in_flight", "entered", "ended"),
    *("limit", "rate", "burst", "weight", "paused_until"),
)
_SETTINGS: Final = {
    "limit": "how many may be under way",
    "rate": "how many may begin a minute",
    "burst": "how many of them at once",
    "key-limit": "how many of each key may be under way",
    "key-rate": "how many of each key may begin a minute",
    "batch-limit": "the same for rows of batches",
    "batch-rate": "the same for rows of batches",
    "aging-ms": "after which wait a task counts as one level more urgent",
}
_ENDED: Final = ("completed", "failed", "cancelled")
_LOOK_MS: Final = 1_000
_OF_A_KEY: Final = ("limit", "rate", "burst", "weight")

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    actions.remote("list", _list, "list the queues of a tenant with what waits and is under way")
    reading = (
        actions.remote("show", _show, "show what holds for a queue: limits, rates, a pause"),
        actions.remote("stats", _stats, "show what each key has in a queue, and has had"),
    )
    tune = actions.remote("set", _set, "set limits and rates of a queue or of one key in it; 0 for none")
    for name, summary in _SETTINGS.items():
        tune.add_argument(f"--{name}", type=int, metavar="N", help=summary)
    tune.add_argument("--weight", type=int, metavar="N", help="with --of: how many turns the key gets")
    pause = actions.remote("pause", _pause, "hand nothing out of a queue, or of one key's part of it")
    until = pause.add_mutually_exclusive_group()
    until.add_argument("--seconds", type=int, metavar="N", help="for so long; without an end until resume")
    until.add_argument("--until", metavar="INSTANT", help="such as 2026-09-21T12:00:00Z")
    resume = actions.remote("resume", _resume, "go on handing out")
    clear = actions.remote("clear", _clear, "cancel everything in a queue that nobody has taken yet")
    clear.add_argument("--level", type=int, metavar="N", help="only at this level")
    add_bulk_flags(clear)
    for action in (*reading, tune, pause, resume, clear):
        action.add_argument("queue", metavar="NAME")
    for action in (tune, pause, resume):
        action.add_argument("--of", metavar="KEY", help="only for the tasks that this key submitted")
        action.add_argument("--batch", action="store_true", help="with --of: for the rows of its batches")
    _add_register(actions)


def _add_register(actions: Actions) -> None:
    register = actions.remote("register", _register, "make a queue known to the queue protocol")
    register.add_argument("queue", metavar="NAME")
    register.add_argument("endpoint", metavar="ENDPOINT", help="what it serves, such as /v1/embeddings")
    register.add_argument(
        "--model", action="append", default=[], metavar="NAME", help="asked of it; repeatable"
    )


def _list(server: Server, arguments: argparse.Namespace) -> int:
    show(server.get(_QUEUES)["items"], as_json=arguments.json, columns=_COLUMNS)
    return 0


def _show(server: Server, arguments: argparse.Namespace) -> int:
    return _shown(server.get(_place(arguments)), arguments)


def _stats(server: Server, arguments: argparse.Namespace) -> int:
    show(server.get(_place(arguments))["keys"], as_json=arguments.json, columns=_KEYS)
    return 0


def _set(server: Server, arguments: argparse.Namespace) -> int:
    names = [name.replace("-", "_") for name in _SETTINGS] + ["weight"]
    wanted = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if not wanted:
        raise Failure("say what to set, such as --limit", MISUSED)
    if arguments.of is not None:
        if not wanted.keys() <= set(_OF_A_KEY):
            raise Failure(f"of a key only {', '.join(_OF_A_KEY)} are set", MISUSED)
        wanted = {"keys": [{**wanted, **_whose(arguments)}]}
    elif "weight" in wanted:
        raise Failure("a weight is that of a key: --of KEY", MISUSED)
    return _shown(server.call("PUT", _place(arguments), wanted), arguments)


def _pause(server: Server, arguments: argparse.Namespace) -> int:
    end = {"seconds": arguments.seconds, "until": arguments.until}
    body = {**_whose(arguments), **{name: value for name, value in end.items() if value is not None}}
    return _shown(server.post(f"{_place(arguments)}/pause", body), arguments)


def _resume(server: Server, arguments: argparse.Namespace) -> int:
    return _shown(server.post(f"{_place(arguments)}/resume", _whose(arguments)), arguments)


def _clear(server: Server, arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        query = {"queue": arguments.queue, "level": arguments.level, "tenant": server.tenant}
        keys = found(server, {**query, "state": ["waiting", "ready"]})
        return cancel_all(server, keys, arguments, "cleared", is_bulk=True)
    if not confirmed(arguments, f"Cancel all that waits in {arguments.queue}?"):
        return FAILED
    asked = {} if arguments.level is None else {"level": arguments.level}
    total = _ready(server, arguments.queue)
    task = server.post(f"{_place(arguments)}/clear", asked)["task"]
    with Progress("cancelling", total) as progress:
        while (work := server.get(f"/api/v1/tasks/{task}", {"wait_ms": _LOOK_MS}))["state"] not in _ENDED:
            progress.reach(max(0, total - _ready(server, arguments.queue)))
    show({"queue": arguments.queue, "task": task, "state": work["state"]}, as_json=arguments.json)
    return 0 if work["state"] == "completed" else FAILED


def _ready(server: Server, queue: str) -> int:
    return sum(one["ready"] for one in server.get(_QUEUES)["items"] if one["queue"] == queue)


def _register(server: Server, arguments: argparse.Namespace) -> int:
    wanted = {"queue": arguments.queue, "endpoint": arguments.endpoint, "models": arguments.model}
    server.post("/v1/queue/register", wanted)
    show({"queue": arguments.queue, "endpoint": arguments.endpoint}, as_json=arguments.json)
    return 0


def _place(arguments: argparse.Namespace) -> str:
    return f"{_QUEUES}/{segment(arguments.queue)}"


def _whose(arguments: argparse.Namespace) -> dict[str, Any]:
    """What names the key, where only one is meant."""
    return {} if arguments.of is None else {"key": arguments.of, "batch": arguments.batch}


def _shown(queue: dict[str, Any], arguments: argparse.Namespace) -> int:
    """The queue; its keys are for `stats`, but for programs they are there too."""
    if not arguments.json:
        queue.pop("keys")
    show(queue, as_json=arguments.json)
    return 0
