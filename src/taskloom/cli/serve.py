"""`taskloom serve`: start a server and stay until it is told to stop."""

import argparse
import importlib

from taskloom.cli.flags import add_setting_flags, refused, settings_from
from taskloom.server.settings import SettingsError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_setting_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Start the server; wrong settings are told before anything is touched."""
    settings = settings_from(arguments).settings
    # Loaded only now, so that wrong settings and --help are answered at once.
    wiring = importlib.import_module("taskloom.server.wiring")
    try:
        wiring.serve(settings)
    except SettingsError as error:
        return refused(error)
    return 0
