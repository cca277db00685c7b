"""`taskloom key`: who may call a running server."""

import argparse
from typing import Any, Final

from taskloom.cli.actions import Actions, add_everywhere, everywhere, run_action
from taskloom.cli.output import say, show
from taskloom.cli.remote import Server, segment

_COLUMNS: Final = ("name", "tenant", "scopes", "worker", "rate", "created_at", "expires_at", "revoked_at")
_KEYS: Final = "/api/v1/keys"

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    create = actions.remote("create", _create, "make a key and show its secret, once")
    create.add_argument("name", metavar="NAME")
    create.add_argument(
        "--scope", action="append", required=True, metavar="SCOPE", help="may be given several times"
    )
    create.add_argument("--worker", metavar="NAME", help="the only worker it may act as")
    create.add_argument("--rate", type=int, metavar="N", help="calls a minute and operation, 0 for no limit")
    create.add_argument("--expires-at", metavar="INSTANT", help="such as 2027-01-01T00:00:00Z")
    add_everywhere(create)
    add_everywhere(actions.remote("list", _list, "list the keys of a tenant, revoked ones too"))
    for name, function, summary in (
        ("show", _show, "show one key, without its secret"),
        ("revoke", _revoke, "end a key for good"),
    ):
        action = actions.remote(name, function, summary)
        action.add_argument("name", metavar="NAME")
        add_everywhere(action)


def _create(server: Server, arguments: argparse.Namespace) -> int:
    asked: dict[str, Any] = {
        "name": arguments.name,
        "scopes": arguments.scope,
        "worker": arguments.worker,
        "rate": arguments.rate,
        "expires_at": arguments.expires_at,
        **everywhere(arguments),
    }
    made = server.post(_KEYS, {name: value for name, value in asked.items() if value is not None})
    show(made, as_json=arguments.json)
    say("The secret is shown only now.")
    return 0


def _list(server: Server, arguments: argparse.Namespace) -> int:
    show(list(server.items(_KEYS, everywhere(arguments))), as_json=arguments.json, columns=_COLUMNS)
    return 0


def _show(server: Server, arguments: argparse.Namespace) -> int:
    path = f"{_KEYS}/{segment(arguments.name)}"
    show(server.get(path, everywhere(arguments)), as_json=arguments.json)
    return 0


def _revoke(server: Server, arguments: argparse.Namespace) -> int:
    path = f"{_KEYS}/{segment(arguments.name)}"
    server.call("DELETE", path, query=everywhere(arguments))
    show(server.get(path, everywhere(arguments)), as_json=arguments.json)
    return 0
