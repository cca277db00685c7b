"""`taskloom batch`: batches of a running server, from the file of requests to the files of results."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from taskloom.cli.actions import Actions, run_action
from taskloom.cli.failure import FAILED, MISUSED, Failure
from taskloom.cli.output import Progress, say, show
from taskloom.cli.remote import Server, segment

_BATCHES: Final = "/v1/batches"
_FILES: Final = "/v1/files"
_COLUMNS: Final = ("id", "status", "total", "completed", "failed", "endpoint", "model", "created_at")
_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.5
_PAUSE_S_MAX: Final = 5.0

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    listing = actions.remote("list", _list, "list batches, the newest first")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (default: 100)")
    get = actions.remote("get", _get, "show one batch")
    create = actions.remote("create", _create, "make a batch of a file of requests")
    create.add_argument(
        "input", metavar="FILE", help="JSONL, one request a line; or the id of a file: file-…"
    )
    create.add_argument("--endpoint", required=True, metavar="PATH", help="such as /v1/embeddings")
    create.add_argument("--window", default="24h", metavar="TIME", help="from 1m to 30d (default: 24h)")
    create.add_argument(
        "--queue", metavar="NAME", help="where the rows go; default: the queue of their model"
    )
    create.add_argument("--metadata", action="append", default=[], metavar="NAME=VALUE", help="repeatable")
    cancel = actions.remote("cancel", _cancel, "stop a batch; what is done by now is in its files")
    results = actions.remote("results", _results, "fetch the results of a batch that has ended")
    results.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    results.add_argument("--errors", type=Path, metavar="FILE", help="where the rows that failed go")
    for action in (get, cancel, results):
        action.add_argument("id", metavar="ID")
    for action in (get, create):
        action.add_argument("--wait", action="store_true", help="until it has ended; 1 when not completed")


def _list(server: Server, arguments: argparse.Namespace) -> int:
    found = list(_all(server, arguments.limit))
    show(found if arguments.json else list(map(_row, found)), as_json=arguments.json, columns=_COLUMNS)
    return 0


def _all(server: Server, limit: int) -> Iterator[Any]:
    after = None
    while limit > 0:
        page = server.get(_BATCHES, {"limit": min(limit, _AT_ONCE), "after": after})
        yield from page["data"]
        limit -= len(page["data"])
        after = page["last_id"]
        if not page["has_more"]:
            return


def _row(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch as a row of the table: the counts are columns, the instant is one that people read."""
    created_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch["created_at"]))
    return {**batch, **batch["request_counts"], "created_at": created_at}


def _get(server: Server, arguments: argparse.Namespace) -> int:
    batch = server.get(f"{_BATCHES}/{segment(arguments.id)}")
    return _told(server, batch, arguments)


def _create(server: Server, arguments: argparse.Namespace) -> int:
    metadata = dict(map(_pair, arguments.metadata))
    body = {
        "input_file_id": _file(server, arguments.input),
        "endpoint": arguments.endpoint,
        "completion_window": arguments.window,
        **({"metadata": metadata} if metadata else {}),
    }
    headers = {"x-bella-queue-name": arguments.queue} if arguments.queue else {}
    return _told(server, server.call("POST", _BATCHES, body, headers=headers), arguments)


def _file(server: Server, given: str) -> str:
    """The id of the file, which is sent first where it lies on this machine."""
    if given.startswith("file-") and not Path(given).exists():
        return given
    with Progress("sending") as bar:
        made = server.upload(_FILES, {"purpose": "batch"}, Path(given), bar)
    return str(made["id"])


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise Failure(f"--metadata takes NAME=VALUE, not {text}", MISUSED)
    return name, value


def _told(server: Server, batch: dict[str, Any], arguments: argparse.Namespace) -> int:
    """Show it, after its end where that is waited for."""
    if arguments.wait:
        batch = _ended(server, batch)
    show(batch, as_json=arguments.json)
    return 0 if not arguments.wait or batch["status"] == "completed" else FAILED


def _ended(server: Server, batch: dict[str, Any]) -> dict[str, Any]:
    pause_s = _PAUSE_S
    with Progress("rows") as bar:
        while batch["status"] not in _ENDED:
            time.sleep(pause_s)
            pause_s = min(1.5 * pause_s, _PAUSE_S_MAX)
            batch = server.get(f"{_BATCHES}/{segment(batch['id'])}")
            counts = batch["request_counts"]
            bar.reach(counts["completed"] + counts["failed"], counts["total"])
    return batch


def _cancel(server: Server, arguments: argparse.Namespace) -> int:
    show(server.post(f"{_BATCHES}/{segment(arguments.id)}/cancel"), as_json=arguments.json)
    return 0


def _results(server: Server, arguments: argparse.Namespace) -> int:
    batch = server.get(f"{_BATCHES}/{segment(arguments.id)}")
    if batch["status"] not in _ENDED:
        raise Failure(f"the batch is {batch['status']}; its results come when it has ended")
    if batch["output_file_id"]:
        _fetch(server, batch["output_file_id"], arguments.output)
    if batch["error_file_id"] and arguments.errors:
        _fetch(server, batch["error_file_id"], arguments.errors)
    counts = batch["request_counts"]
    say(f"{batch['status']}: {counts['completed']} rows completed, {counts['failed']} failed")
    if batch["error_file_id"] and not arguments.errors:
        say("Say --errors FILE to fetch the rows that failed.")
    return 0


def _fetch(server: Server, file_id: str, target: Path | None) -> None:
    path = f"{_FILES}/{segment(file_id)}/content"
    if target is None:
        sys.stdout.flush()
        server.download(path, sys.stdout.buffer)
        return
    try:
        with target.open("wb") as sink:
            server.download(path, sink)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None
