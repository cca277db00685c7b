"""The actions of a command: each has its own arguments, a function, and what it is run on."""

import argparse
import contextlib
import sys
from collections.abc import Callable

from taskloom.cli.failure import MISUSED, Failure
from taskloom.cli.remote import Server, add_remote_flags, server_of

Local = Callable[[argparse.Namespace], int]
Remote = Callable[[Server, argparse.Namespace], int]


class Actions:
    """Declares the actions of a command."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)

    def local(self, name: str, function: Local, summary: str) -> argparse.ArgumentParser:
        """An action on this machine."""
        parser = self._add(name, summary)
        parser.set_defaults(act=function)
        return parser

    def remote(self, name: str, function: Remote, summary: str) -> argparse.ArgumentParser:
        """An action on a running server."""
        parser = self._add(name, summary)
        add_remote_flags(parser)
        parser.set_defaults(act=lambda arguments: _called(function, arguments))
        return parser

    def _add(self, name: str, summary: str) -> argparse.ArgumentParser:
        description = summary[:1].upper() + summary[1:] + "."
        parser = self._actions.add_parser(name, help=summary, description=description)
        parser.add_argument("--json", action="store_true", help="print JSON for programs")
        return parser


def _called(function: Remote, arguments: argparse.Namespace) -> int:
    with contextlib.closing(server_of(arguments)) as server:
        return function(server, arguments)


def run_action(arguments: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    return int(arguments.act(arguments))


def add_bulk_flags(parser: argparse.ArgumentParser) -> None:
    """What every action has that changes many things."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before")


def add_everywhere(parser: argparse.ArgumentParser) -> None:
    """What keys and users may be: those of no tenant, who act in every one."""
    parser.add_argument("--every-tenant", action="store_true", help="those who act in every tenant")


def everywhere(arguments: argparse.Namespace) -> dict[str, str]:
    """What says so in a body or a query string."""
    return {"tenant": "*"} if arguments.every_tenant else {}


def confirmed(arguments: argparse.Namespace, question: str) -> bool:
    """Whether it shall be done; who is not at a terminal must say --yes."""
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        raise Failure(f"{question} Say --yes to do it without being asked.", MISUSED)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
