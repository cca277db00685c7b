"""`taskloom config show`: every setting, its value and where it comes from."""

import argparse
import sys

from taskloom.cli.flags import add_setting_flags, settings_from
from taskloom.server.settings import shown


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what can be asked; the flags are those of `serve`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    add_setting_flags(actions.add_parser("show", help="print the settings a server would start with"))


def run(arguments: argparse.Namespace) -> int:
    """Print one line per setting: name, value, origin."""
    loaded = settings_from(arguments)
    values = shown(loaded.settings)
    width = max(len(value) for value in values.values())
    for name, value in values.items():
        sys.stdout.write(f"{name:<16}{value:<{width + 2}}{loaded.origins[name]}\n")
    return 0
