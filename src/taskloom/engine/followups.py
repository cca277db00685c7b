"""Follow-up commands as they are stored between two transactions."""

from typing import Final, get_args

import msgspec

from taskloom.core.commands import Create, TaskCommand
from taskloom.flows.flow import FlowCommand
from taskloom.ports.store import FollowUpRow

FollowUpCommand = FlowCommand | TaskCommand | Create

_TYPES: Final[dict[str, type[FollowUpCommand]]] = {
    kind.__name__: kind for kind in (FlowCommand, Create, *get_args(TaskCommand))
}


def encode(command: FollowUpCommand) -> bytes:
    """The command with its type, as bytes; `decode` is the inverse."""
    return msgspec.msgpack.encode([type(command).__name__, msgspec.Raw(msgspec.msgpack.encode(command))])


def decode(body: bytes) -> FollowUpCommand:
    """The command that was stored."""
    name, raw = msgspec.msgpack.decode(body, type=tuple[str, msgspec.Raw])
    return msgspec.msgpack.decode(raw, type=_TYPES[name])


def row(key: int, command: FollowUpCommand) -> FollowUpRow:
    """The row that keeps a command until its own transaction did it."""
    return FollowUpRow(key, encode(command))
