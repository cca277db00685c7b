"""Fault points: named instants at which a test lets the process die. Without the variable they cost nothing.

`TASKLOOM_FAULT=name:n` kills the process (SIGKILL, as a power cut would) when the point `name` is passed for
the n-th time.
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
    "outbox_sent",
    "outbox_marked",
    "step_finished",
)

_name, _, _count = os.environ.get("TASKLOOM_FAULT", "").partition(":")
_left = {_name: int(_count or "1")} if _name else {}


def fault_point(name: str) -> None:
    """Die here if a test says so."""
    if name in _left:
        _left[name] -= 1
        if _left[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
