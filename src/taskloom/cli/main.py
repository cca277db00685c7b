"""The entry of the command line: finds the sub-command and loads only that one.

A new sub-command is a file in this folder with `configure(parser)` and `run(arguments) -> int`, and its line
in `COMMANDS`. Exit status: 0 done, 1 failed, 2 called wrongly, 3 the server cannot be reached, 4 the key may
not, 5 it is not there, 130 interrupted.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from taskloom import version
from taskloom.cli.failure import INTERRUPTED, Failure

# name -> (module, what it does)
COMMANDS = {
    "serve": ("taskloom.cli.serve", "start a server"),
    "worker": ("taskloom.cli.worker", "do tasks with the functions of a module of one's own"),
    "task": ("taskloom.cli.task", "list, look at, cancel and replay tasks of a running server"),
    "queue": ("taskloom.cli.queue", "look at the queues of a running server and change them"),
    "batch": ("taskloom.cli.batch", "make, list and cancel batches of a running server, fetch their results"),
    "key": ("taskloom.cli.key", "make, list and revoke keys of a running server"),
    "user": ("taskloom.cli.user", "add, list and remove people who sign in to a running server"),
    "tenant": ("taskloom.cli.tenant", "list the tenants of a running server, set what differs for one"),
    "usage": ("taskloom.cli.usage", "sum up what tasks of a running server used up"),
    "db": ("taskloom.cli.db", "migrate, back up and freeze the stored data"),
    "doctor": ("taskloom.cli.doctor", "look for what goes wrong on real machines, and say what mends it"),
    "bench": ("taskloom.cli.bench", "measure the disk and the engine on this machine"),
    "config": ("taskloom.cli.config", "show every setting, its value and where it comes from"),
    "feel": ("taskloom.cli.feel", "evaluate an expression and print its value as JSON"),
    "dmn": ("taskloom.cli.dmn", "evaluate and check decision models, run the DMN compatibility kit"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    name = next((word for word in words if not word.startswith("-")), None)
    # Loading every sub-command would make even --help slow.
    loaded = {name: importlib.import_module(COMMANDS[name][0])} if name in COMMANDS else {}

    parser = argparse.ArgumentParser(
        prog="taskloom",
        description="The durable place where tasks wait and are completed exactly once.",
        epilog="Exit status: 0 done, 1 failed, 2 called wrongly, 3 no server, 4 not allowed, 5 not there.",
    )
    parser.add_argument("--version", action="version", version=f"taskloom {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for command, (_, summary) in COMMANDS.items():
        sub = commands.add_parser(command, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        if command in loaded:
            loaded[command].configure(sub)

    parsed = parser.parse_args(words)
    try:
        status = int(loaded[parsed.command].run(parsed))
        sys.stdout.flush()
    except Failure as failure:
        sys.stderr.write(f"taskloom: {failure}\n")
        return failure.status
    except BrokenPipeError:  # whoever read has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return status
