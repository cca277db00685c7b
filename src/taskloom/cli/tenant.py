"""`taskloom tenant`: the tenants of a running server, and what is done otherwise for one."""

import argparse
from typing import Final

from taskloom.cli.actions import Actions, run_action
from taskloom.cli.failure import MISUSED, Failure
from taskloom.cli.output import show
from taskloom.cli.remote import Server, segment

_TENANTS: Final = "/api/v1/tenants"
_COLUMNS: Final = ("name", "created_at", "partial_validation", "bella_batch_times")

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    actions.remote("list", _list, "list the tenants there are")
    read = actions.remote("show", _show, "show a tenant")
    change = actions.remote("set", _set, "set switches of a tenant for callers who come from Bella-Queue")
    change.add_argument(
        "--partial-validation",
        choices=("on", "off"),
        help="a bad line of a batch becomes a line of its error file, and the batch goes on",
    )
    change.add_argument("--bella-batch-times", choices=("s", "ms"), help="the unit of the times of batches")
    for action in (read, change):
        action.add_argument("name", metavar="NAME")


def _list(server: Server, arguments: argparse.Namespace) -> int:
    show(list(server.items(_TENANTS, {})), as_json=arguments.json, columns=_COLUMNS)
    return 0


def _show(server: Server, arguments: argparse.Namespace) -> int:
    show(server.get(f"{_TENANTS}/{segment(arguments.name)}"), as_json=arguments.json)
    return 0


def _set(server: Server, arguments: argparse.Namespace) -> int:
    wanted: dict[str, object] = {}
    if arguments.partial_validation is not None:
        wanted["partial_validation"] = arguments.partial_validation == "on"
    if arguments.bella_batch_times is not None:
        wanted["bella_batch_times"] = arguments.bella_batch_times
    if not wanted:
        raise Failure("say what to set, such as --partial-validation on", MISUSED)
    changed = server.call("PATCH", f"{_TENANTS}/{segment(arguments.name)}", wanted)
    show(changed, as_json=arguments.json)
    return 0
