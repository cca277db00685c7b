"""`taskloom config show`: every setting, its value and where it comes from. `show` may be left out."""

import argparse
import sys

from taskloom.cli.flags import add_setting_flags, settings_from
from taskloom.cli.output import print_json
from taskloom.server.settings import shown


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what can be asked; the flags are those of `serve`."""
    parser.add_argument("action", metavar="ACTION", nargs="?", choices=["show"], help="show, or left out")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    add_setting_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line per setting: name, value, origin."""
    loaded = settings_from(arguments)
    values = shown(loaded.settings)
    if arguments.json:
        print_json({name: {"value": values[name], "origin": loaded.origins[name]} for name in values})
        return 0
    width = max(len(value) for value in values.values())
    for name, value in values.items():
        sys.stdout.write(f"{name:<16}{value:<{width + 2}}{loaded.origins[name]}\n")
    return 0
