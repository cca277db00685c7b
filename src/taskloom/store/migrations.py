"""Numbered, forward-only migrations: `NNNN_name.sql`, applied once each, in order, checked by digest."""

import hashlib
from importlib import resources

from msgspec import Struct


class Migration(Struct, frozen=True):
    """One step of a schema."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """What tells whether the file is still the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class SchemaError(Exception):
    """The stored schema is not one this version can work with; the message says what to do."""


def migrations(package: str) -> list[Migration]:
    """The migrations that lie in a package's `migrations` folder, in order."""
    folder = resources.files(package) / "migrations"
    found = []
    for file in folder.iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def pending(known: list[Migration], applied: dict[int, str]) -> list[Migration]:
    """Those not yet applied; raises when the data was written by a newer or another version."""
    numbers = {migration.number: migration for migration in known}
    for number, digest in sorted(applied.items()):
        if number not in numbers:
            raise SchemaError(f"the data is at migration {number}, which this version does not know: upgrade")
        if numbers[number].digest != digest:
            raise SchemaError(f"migration {number} was applied with another content: restore a backup")
    return [migration for migration in known if migration.number not in applied]
