"""`taskloom queue`: the queues of a running server."""

import argparse

from taskloom.cli.actions import Actions, run_action
from taskloom.cli.output import show
from taskloom.cli.remote import Server

run = run_action


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = Actions(parser)
    register = actions.remote("register", _register, "make a queue known to the queue protocol")
    register.add_argument("queue", metavar="NAME")
    register.add_argument("endpoint", metavar="ENDPOINT", help="what it serves, such as /v1/embeddings")
    register.add_argument(
        "--model", action="append", default=[], metavar="NAME", help="asked of it; repeatable"
    )


def _register(server: Server, arguments: argparse.Namespace) -> int:
    wanted = {"queue": arguments.queue, "endpoint": arguments.endpoint, "models": arguments.model}
    server.post("/v1/queue/register", wanted)
    show({"queue": arguments.queue, "endpoint": arguments.endpoint}, as_json=arguments.json)
    return 0
