"""How a command that cannot be carried out ends: one sentence, and an exit status."""

from typing import Final

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
UNREACHABLE: Final = 3
NOT_ALLOWED: Final = 4
NOT_FOUND: Final = 5
INTERRUPTED: Final = 130


class Failure(Exception):  # noqa: N818  an end of the program, told to its caller
    """Says what went wrong and with which status to end."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status
