"""A copy of a data folder that can be used in its place, made while a server works on it.

First the database, then the files. A file is durable before a row refers to it and is not deleted while it is
held, so every file that a row of the copy refers to is copied too. The copy gets its name when it is whole.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from msgspec import Struct

from taskloom.ports.store import NotCopiedError, Store, Tell
from taskloom.store.blobs import LocalBlobs, sync_folder

DATABASE: Final = "taskloom.db"
BLOBS: Final = "blobs"
BUS: Final = "bus"
"""What an embedded bus keeps: it goes on writing, and no promise rests on it, so no copy holds it."""
_LEFT_OUT: Final = frozenset({DATABASE, BLOBS, BUS, "lock"})


class Copied(Struct, frozen=True):
    """What a copy holds."""

    path: str
    rows: dict[str, int]
    files: int
    file_bytes: int
    database_bytes: int


def back_up(store: Store, folder: Path, target: Path, tell: Tell) -> Copied:
    """Copy everything to a folder that must not be there yet; raises `NotCopiedError`.

    Whatever happens, nothing half-made stays. Blocks for as long as it takes.
    """
    if target.exists():
        raise NotCopiedError(f"{target} is there already")
    blobs = LocalBlobs(folder / BLOBS)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True, mode=0o700)
        with blobs.held() if folder.is_dir() else contextlib.nullcontext():
            rows = asyncio.run(store.copy_to(partial / DATABASE, tell))
            files, size = _files(blobs, partial / BLOBS, tell)
        _others(folder, partial)
        tell("writing to disk", 0, 0)
        os.sync()
        partial.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise NotCopiedError(f"{error.strerror}: {error.filename or target}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(partial)
    return Copied(str(target), rows, files, size, (target / DATABASE).stat().st_size)


def _files(blobs: LocalBlobs, target: Path, tell: Tell) -> tuple[int, int]:
    files = total = 0
    for size in blobs.copy_to(target):
        files += 1
        total += size
        tell("copying files", files, 0)
    return files, total


def _others(folder: Path, partial: Path) -> None:
    """What else lies in the folder, such as exports; they only grow, and a broken last line is cut off."""
    for path in folder.iterdir():
        if path.name in _LEFT_OUT or path.name.startswith(f"{DATABASE}-"):
            continue
        if path.is_dir():
            shutil.copytree(path, partial / path.name)
        else:
            shutil.copyfile(path, partial / path.name)
