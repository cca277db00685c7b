"""An operation with all that is settled before the first call: whose it is, its parameter names."""

from collections.abc import Callable

from msgspec import Struct

from taskloom.dialects.operation import Dialect, Operation


class Endpoint(Struct):
    """One operation, ready to be called."""

    operation: Operation
    dialect: Dialect
    names: tuple[str, ...]
    """Of the path parameters, in order."""
    media_types: frozenset[bytes]
    observe: Callable[[int, float], None]
    """Told of each answer: its status, and the seconds it took."""


def endpoint(operation: Operation, dialect: Dialect, observe: Callable[[int, float], None]) -> Endpoint:
    """Settle what can be settled for an operation."""
    names = tuple(part[1:-1] for part in operation.path.split("/") if part[:1] == "{")
    return Endpoint(
        operation, dialect, names, frozenset(kind.encode() for kind in operation.media_types), observe
    )
