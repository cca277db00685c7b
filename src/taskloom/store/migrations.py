"""Numbered, forward-only migrations: `NNNN_name.sql`, applied once each, in order, checked by digest."""

import hashlib
from importlib import resources

from msgspec import Struct

from taskloom.ports.store import Standing


class Migration(Struct, frozen=True):
    """One step of a schema."""

    number: int
    name: str
    sql: str

    @property
    def label(self) -> str:
        """The number and name, as the file has them."""
        return f"{self.number:04}_{self.name}"

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


def standing(known: list[Migration], applied: dict[int, str]) -> Standing:
    """How what was applied (number -> digest) stands to what is known."""
    by_number = {migration.number: migration for migration in known}
    fits = {number for number, digest in applied.items() if _is(by_number.get(number), digest)}
    return Standing(
        tuple(migration.label for migration in known if migration.number in fits),
        tuple(migration.label for migration in known if migration.number not in applied),
        tuple(f"{number:04}" for number in sorted(applied) if number not in fits),
    )


def _is(migration: Migration | None, digest: str) -> bool:
    return migration is not None and migration.digest == digest
