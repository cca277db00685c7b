"""`taskloom user`: people who sign in to a running server."""

import argparse
import getpass
import sys
from typing import Final

from taskloom.cli.actions import Actions, add_everywhere, everywhere, run_action
from taskloom.cli.failure import MISUSED, Failure
from taskloom.cli.output import say, show
from taskloom.cli.remote import Server, segment

_COLUMNS: Final = ("name", "tenant", "role", "created_at", "created_by", "password_at")
_ROLES: Final = ("viewer", "reviewer", "operator", "admin")
_USERS: Final = "/api/v1/users"

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    add = actions.remote("add", _add, "add a user; the password is asked for, or read from standard input")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=_ROLES, required=True)
    remove = actions.remote("remove", _remove, "forget a user")
    remove.add_argument("name", metavar="NAME")
    password = actions.remote(
        "password", _password, "give a user another password, asked for in the same way"
    )
    password.add_argument("name", metavar="NAME")
    for action in (add, remove, password, actions.remote("list", _list, "list the users of a tenant")):
        add_everywhere(action)


def _new_password() -> str:
    """Typed twice at a terminal, else the first line of standard input; it never stands in a command."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Failure("the two are not the same", MISUSED)
    return password


def _add(server: Server, arguments: argparse.Namespace) -> int:
    body = {"name": arguments.name, "role": arguments.role, "password": _new_password()}
    show(server.post(_USERS, {**body, **everywhere(arguments)}), as_json=arguments.json)
    return 0


def _list(server: Server, arguments: argparse.Namespace) -> int:
    show(list(server.items(_USERS, everywhere(arguments))), as_json=arguments.json, columns=_COLUMNS)
    return 0


def _remove(server: Server, arguments: argparse.Namespace) -> int:
    server.call("DELETE", f"{_USERS}/{segment(arguments.name)}", query=everywhere(arguments))
    say(f"{arguments.name} is removed.")
    return 0


def _password(server: Server, arguments: argparse.Namespace) -> int:
    path = f"{_USERS}/{segment(arguments.name)}/password"
    server.call("PUT", path, {"password": _new_password()}, query=everywhere(arguments))
    say(f"{arguments.name} has another password.")
    return 0
