"""Taskloom: tasks wait here, are handed out, and are completed exactly once."""

import importlib.metadata


def version() -> str:
    """The version of the installed package; `0` when the source runs without having been installed."""
    try:
        return importlib.metadata.version("taskloom")
    except importlib.metadata.PackageNotFoundError:
        return "0"
