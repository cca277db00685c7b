"""A command on its way through the writer."""

from typing import Any

from msgspec import Struct

from taskloom.core.commands import Claim
from taskloom.engine.outcome import Command, Idempotency


class Submission(Struct, gc=False):
    """A command, who waits for its outcome, and what must hold for it to be done."""

    command: Command
    waiter: Any = None
    """Whoever waits for the outcome; only the writer touches it."""
    idempotency: Idempotency | None = None
    follow_up: int = 0
    """The durable follow-up this command is, 0 for none: done at most once."""
    size: int = 0
    put_back: int = 0
    """How often it was left out of a batch because a slot was busy; only the writer touches it."""

    @property
    def claim(self) -> Claim:
        """The command, which is known to be a claim."""
        assert isinstance(self.command, Claim)
        return self.command
