"""Every bound of the expression engine, as one value that a caller may replace."""

from typing import Final

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one parse and one evaluation may use; passing a bound ends the evaluation with a failure."""

    source_chars: int = 65_536
    tree_depth: int = 100
    tree_height: int = 250
    steps: int = 100_000
    call_depth: int = 100
    list_items: int = 100_000
    string_chars: int = 1_000_000
    output_bytes: int = 1_000_000
    pattern_chars: int = 1_000
    warnings: int = 100


DEFAULT_LIMITS: Final = Limits()

YEAR_MAX: Final = 999_999_999
"""The largest year, before and after year 0, that a date may have."""

OFFSET_MAX_S: Final = 18 * 3600
"""The widest offset from UTC: eighteen hours, as in XML Schema."""

CACHE_ENTRIES: Final = 2_048
"""How many compiled expressions one cache keeps."""

HOT_AFTER: Final = 50
"""After how many requests a cached expression is worth generated code."""

DURATION_DIGITS_MAX: Final = 18
"""How many digits one component of a duration text may have."""
