"""Regular expressions that projects declare, on an engine that cannot blow up."""

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # the package ships no types

from taskloom.core.limits import REGEX_LENGTH


def pattern_fault(regex: str) -> str | None:
    """Why this is no regular expression we take; None when it is."""
    if len(regex) > REGEX_LENGTH:
        return f"at most {REGEX_LENGTH} characters"
    try:
        _compiled(regex)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        return f"not a regular expression: {text}"
    return None


def matches(regex: str, value: str) -> bool:
    """Whether the whole value matches."""
    return _compiled(regex).fullmatch(value) is not None


@lru_cache(maxsize=1_000)
def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(regex, options)
