"""What one look of the doctor found."""

from typing import Literal

from msgspec import Struct

Verdict = Literal["ok", "warn", "fail"]


class Check(Struct, frozen=True):
    """What was found, how good that is, and what mends it."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""
