"""Draws docs/task-states.md from the table of transitions: `python -m devtools.diagram` writes it anew."""

from devtools.places import ROOT
from taskloom.core.task import TaskState
from taskloom.core.transitions import TRANSITIONS

PAGE = ROOT / "docs" / "task-states.md"

_HEAD = """# The life of a task

Drawn from the table in `src/taskloom/core/transitions.py` by `python -m devtools.diagram`; a test sees to it
that this page is fresh. What has no arrow is refused and changes nothing.
"""


def page() -> str:
    """The page as it must be: the diagram, then one row per event."""
    return "\n".join([_HEAD, "```mermaid", "stateDiagram-v2", *_arrows(), "```", "", *_table(), ""])


def _arrows() -> list[str]:
    """One arrow per pair of states, with the events that lead along it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for event, rows in TRANSITIONS.items():
        for before, after in rows.items():
            for state in after:
                pair = ("[*]" if before is None else _name(before), _name(state))
                arrows.setdefault(pair, []).append(event.__name__)
    lines = [f"    {start} --> {end}: {', '.join(events)}" for (start, end), events in arrows.items()]
    return [*lines, *(f"    {_name(state)} --> [*]" for state in TaskState if state >= TaskState.COMPLETED)]


def _table() -> list[str]:
    lines = ["| event | happens in | leads to |", "|---|---|---|"]
    for event, rows in TRANSITIONS.items():
        for before, after in rows.items():
            start = "(nothing)" if before is None else _name(before)
            end = " or ".join(map(_name, after)) or "the same state"
            lines.append(f"| {event.__name__} | {start} | {end} |")
    return lines


def _name(state: TaskState) -> str:
    return state.name.lower()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
