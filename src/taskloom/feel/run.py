"""What one evaluation carries with it: the injected surroundings, the budget and the warnings so far."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from taskloom.feel import zones
from taskloom.feel.decimals import Number
from taskloom.feel.diagnostics import FeelWarning, Span, WarningCode, limit_passed
from taskloom.feel.limits import DEFAULT_LIMITS, Limits
from taskloom.feel.values import NANOS_PER_SECOND, DateTime, Function


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What an expression may see of the outside, all of it injected so that a replay gives the same value.

    Without `now` the functions `now` and `today` give null; without `random` and `unique_id` so do theirs.
    `functions` are found after variables and before the built-in ones.
    """

    now: DateTime | None = None
    limits: Limits = DEFAULT_LIMITS
    functions: Mapping[str, Function] = msgspec.field(default_factory=dict)
    random: Callable[[], Number] | None = None
    unique_id: Callable[[], str] | None = None

    @classmethod
    def at(cls, epoch_ms: int, *, zone: str = "UTC", limits: Limits = DEFAULT_LIMITS) -> "Environment":
        """Surroundings in which the clock shows an instant in a time zone, which must exist."""
        if not zones.is_zone(zone):
            raise ValueError(f"there is no time zone {zone!r}")
        epoch_s, millis = divmod(epoch_ms, 1000)
        days, second, offset_s = zones.local_at(zone, epoch_s)
        nanos = second * NANOS_PER_SECOND + millis * 1_000_000
        if zone == "UTC":
            return cls(now=DateTime(days, nanos, offset_s), limits=limits)
        return cls(now=DateTime(days, nanos, None, zone), limits=limits)


DEFAULT_ENVIRONMENT = Environment()
_CHARS_PER_STEP: Final = 1_000


class Run:
    """One evaluation: budget and warnings. It is not shared between threads; compiled expressions are."""

    __slots__ = ("camunda", "depth", "env", "steps_left", "warnings")

    def __init__(self, env: Environment = DEFAULT_ENVIRONMENT, *, camunda: bool = False) -> None:
        self.env = env
        self.camunda = camunda
        self.steps_left = env.limits.steps
        self.depth = 0
        self.warnings: list[FeelWarning] = []

    def warn(self, code: WarningCode, message: str, span: Span) -> Any:
        """Notes why the value at that place is null, and gives that null."""
        if len(self.warnings) < self.env.limits.warnings:
            self.warnings.append(FeelWarning(code, message, span))
        return None

    def spend(self, steps: int) -> None:
        """Takes steps from the budget; ends the evaluation when it is used up."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise limit_passed(f"The evaluation needs more than {self.env.limits.steps} steps.")

    def enter(self) -> None:
        """A call of a user's function begins."""
        self.depth += 1
        self.steps_left -= 1
        if self.depth > self.env.limits.call_depth:
            raise limit_passed(f"Functions call each other deeper than {self.env.limits.call_depth} levels.")

    def leave(self) -> None:
        """A call of a user's function is over."""
        self.depth -= 1

    def read(self, text: str) -> None:
        """A function goes through a text: a step for each thousand characters."""
        if len(text) >= _CHARS_PER_STEP:
            self.spend(len(text) // _CHARS_PER_STEP)

    def check_items(self, count: int) -> None:
        """A list is about to have that many items."""
        if count > self.env.limits.list_items:
            raise limit_passed(f"A list may not have more than {self.env.limits.list_items} items.")

    def check_chars(self, count: int) -> None:
        """A string is about to have that many characters."""
        if count > self.env.limits.string_chars:
            raise limit_passed(f"A string may not have more than {self.env.limits.string_chars} characters.")
