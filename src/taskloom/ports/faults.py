"""Fault points: named instants at which a test lets the process die. Without the variable they cost nothing.

`TASKLOOM_FAULT=name:n` kills the process (SIGKILL, as a power cut would) when the point `name` is passed for
the n-th time, without a number for the first time; several are separated by commas.
"""

import os
import signal

POINTS = (
    "batch_loaded",
    "batch_decided",
    "before_commit",
    "after_commit",
    "before_answer",
    "before_wake",
    "claim_answered",
    "follow_up_submitted",
    "outbox_read",
    "outbox_fanned",
    "outbox_sent",
    "outbox_marked",
    "step_finished",
    "rows_checked",
    "rows_portion",
    "results_written",
    "blob_committed",
    "blob_referred",
)


def _counts(text: str) -> dict[str, int]:
    points = (part.partition(":") for part in text.split(",") if part)
    return {name: int(count or "1") for name, _, count in points}


_left = _counts(os.environ.get("TASKLOOM_FAULT", ""))


def fault_point(name: str) -> None:
    """Die here if a test says so."""
    if name in _left:
        _left[name] -= 1
        if _left[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
