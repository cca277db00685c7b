"""`taskloom usage`: what completed tasks used up at a running server."""

import argparse
import contextlib
from typing import Final

from taskloom.cli.output import print_json, print_table
from taskloom.cli.remote import Server, add_remote_flags, server_of

_GROUPS: Final = ("day", "key", "model", "queue", "tenant")
_COUNTS: Final = (
    "tasks",
    "run_ms",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "total_tokens",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--by", action="append", choices=_GROUPS, help="repeatable (default: day)")
    parser.add_argument(
        "--since", metavar="DATE", help="such as 2026-09-01 (default: 30 days before --until)"
    )
    parser.add_argument("--until", metavar="DATE", help="the last day (default: today)")
    parser.add_argument("--of", metavar="NAME", help="only what this key submitted")
    parser.add_argument("--model", metavar="NAME")
    parser.add_argument("--queue", metavar="NAME")
    add_remote_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a row a group, and their sum."""
    with contextlib.closing(server_of(arguments)) as server:
        return _print(server, arguments)


def _print(server: Server, arguments: argparse.Namespace) -> int:
    groups = arguments.by or ["day"]
    query = {name: getattr(arguments, name) for name in ("since", "until", "model", "queue")}
    query |= {"group_by": groups, "key": arguments.of, "tenant": server.tenant}
    found = server.get("/api/v1/usage", query)
    if arguments.json:
        print_json(found)
        return 0
    total = {**found["total"], groups[0]: "total"}
    rows = [{**dict.fromkeys(_COUNTS, 0), **row} for row in (*found["items"], total)]
    print_table((*groups, *_COUNTS), rows)
    return 0
