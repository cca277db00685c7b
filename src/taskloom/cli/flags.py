"""The flags that set up a server, one for each setting that is no secret."""

import argparse
import os
import sys
from pathlib import Path

from taskloom.server.settings import REPEATED, SECRETS, Loaded, Settings, SettingsError, descriptions, load


def add_setting_flags(parser: argparse.ArgumentParser, *names: str) -> None:
    """Offer settings as flags, all or those named, but no secrets: other users of the machine see them."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
    for name, description in descriptions().items():
        if name not in SECRETS and (not names or name in names):
            default = getattr(Settings(), name)
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                action="append" if name in REPEATED else "store",
                metavar=name.rpartition("_")[2].upper(),
                help=description + _remark(name, default),
            )


def _remark(name: str, default: object) -> str:
    if name in REPEATED:
        return "; may be given several times"
    return f" (default: {default})" if default is not None else ""


def settings_from(parsed: argparse.Namespace) -> Loaded:
    """Put flags, environment and file together; wrong settings end the program with status 2."""
    given = {name: getattr(parsed, name, None) for name in descriptions()}
    named_file = parsed.config or os.environ.get("TASKLOOM_CONFIG")
    try:
        return load(
            flags={name: value for name, value in given.items() if value is not None},
            environ=os.environ,
            file=Path(named_file) if named_file else None,
        )
    except SettingsError as error:
        sys.exit(refused(error))


def refused(error: SettingsError) -> int:
    """Say what is wrong with the settings, a line each; the exit status for that."""
    sys.stderr.writelines(f"taskloom: {problem}\n" for problem in error.problems)
    return 2
