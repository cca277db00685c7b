"""`taskloom worker module:worker`: do tasks with the functions of a module of one's own."""

import argparse
import importlib
import logging
import sys
from pathlib import Path
from typing import Any

from taskloom.cli.failure import FAILED, MISUSED, NOT_ALLOWED, Failure
from taskloom.cli.remote import add_remote_flags, address_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "worker",
        metavar="MODULE:NAME",
        help="where the Worker of taskloom_client stands, such as tasks:worker",
    )
    add_remote_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; what is under way then is finished or given back."""
    client = _module("taskloom_client", "pip install taskloom-client")
    worker = _named(arguments.worker, client.Worker)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    url, key, tenant = address_of(arguments)
    if key:
        worker.talk_through(url, key, tenant=tenant or "")
    try:
        worker.run()
    except (client.UnauthorizedError, client.ForbiddenError) as error:
        raise Failure(str(error), NOT_ALLOWED) from error
    except ValueError as error:
        raise Failure(str(error), MISUSED) from error
    return 0


def _named(place: str, kind: type) -> Any:
    module_name, colon, name = place.partition(":")
    if not colon:
        raise Failure(f"{place} does not say where the worker stands: MODULE:NAME", MISUSED)
    sys.path.insert(0, str(Path.cwd()))
    worker = getattr(_module(module_name), name, None)
    if not isinstance(worker, kind):
        raise Failure(f"there is no Worker called {name} in {module_name}", MISUSED)
    return worker


def _module(name: str, remedy: str = "") -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Failure(f"{error}{remedy and ': ' + remedy}", MISUSED if not remedy else FAILED) from error
