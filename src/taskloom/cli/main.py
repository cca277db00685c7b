"""The entry of the command line: finds the sub-command and loads only that one.

A new sub-command is a file in this folder with `configure(parser)` and `run(arguments) -> int`, and its line
in `COMMANDS`. Exit status: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from taskloom import version

# name -> (module, what it does)
COMMANDS = {
    "serve": ("taskloom.cli.serve", "start a server"),
    "feel": ("taskloom.cli.feel", "evaluate an expression and print its value as JSON"),
    "dmn": ("taskloom.cli.dmn", "evaluate and check decision models, run the DMN compatibility kit"),
    "config": ("taskloom.cli.config", "show every setting, its value and where it comes from"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    name = next((word for word in words if not word.startswith("-")), None)
    # Loading every sub-command would make even --help slow.
    loaded = {name: importlib.import_module(COMMANDS[name][0])} if name in COMMANDS else {}

    parser = argparse.ArgumentParser(
        prog="taskloom", description="The durable place where tasks wait and are completed exactly once."
    )
    parser.add_argument("--version", action="version", version=f"taskloom {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for command, (_, summary) in COMMANDS.items():
        sub = commands.add_parser(command, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        if command in loaded:
            loaded[command].configure(sub)

    parsed = parser.parse_args(words)
    try:
        return int(loaded[parsed.command].run(parsed))
    except KeyboardInterrupt:
        return 130
