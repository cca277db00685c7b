"""What must hold in the end, said about what came out; no network in here."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import texts
from embedding import Array

_TOLERANCE = 1e-4


@dataclass
class Claim:
    """One thing that was promised, the figures, and whether it holds."""

    promise: str
    figures: str
    holds: bool


@dataclass
class Waits:
    """How long the tasks of a tenant took from being made to having ended, in seconds."""

    tasks: int
    median_s: float
    longest_s: float


def rows_are_whole(count: int, output: Sequence[Any], errors: Sequence[Any]) -> Claim:
    """Every row is in exactly one of the two files, and in the right one."""
    seen = Counter(line["custom_id"] for line in (*output, *errors))
    missing = sum(texts.row_id(number) not in seen for number in range(count))
    twice = sum(times > 1 for times in seen.values())
    wanted = {texts.row_id(number) for number in range(count) if texts.is_bad(number)}
    right = {line["custom_id"] for line in errors} == wanted
    figures = f"{len(output)} output + {len(errors)} error, {missing} missing, {twice} twice"
    holds = right and not missing and not twice and len(output) + len(errors) == count
    return Claim("every row in exactly one file", figures, holds)


def vectors_are_right(output: Sequence[Any], known: dict[str, Array]) -> Claim:
    """The vectors of some rows are those that the encoder makes here."""
    found = {line["custom_id"]: line["response"]["body"]["data"][0]["embedding"] for line in output}
    equal = sum(
        row in found and bool(np.allclose(found[row], vector, atol=_TOLERANCE))
        for row, vector in known.items()
    )
    return Claim(
        "embeddings are the encoder's", f"{equal} of {len(known)} rows looked at", equal == len(known)
    )


def waits(tasks: Sequence[Any]) -> Waits:
    """Of tasks as the native API shows them."""
    took = [_seconds(task["created_at"], task["finished_at"]) for task in tasks]
    return Waits(len(took), statistics.median(took), max(took))


def nobody_starved(small: Waits, batch_s: float) -> Claim:
    """The small tenant never waited for the big one's batch: at most a third of the time that took."""
    figures = f"longest {small.longest_s:.1f} s, the batch took {batch_s:.1f} s"
    return Claim("the small tenant never waited for the batch", figures, small.longest_s * 3 < batch_s)


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
