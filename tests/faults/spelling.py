"""Reads the identifiers of all dialects."""

from taskloom.dialects.agents import translate
from taskloom.dialects.queue import spelling
from taskloom.flows.document import ids

_READERS = {
    "queue": spelling.read,
    "agents": translate.key_of,
    "processes": int,
    "documents": lambda text: ids.parse(ids.TASK, text),
}


def key_of(dialect: str, task: str) -> int:
    """The core key a dialect's identifier spells."""
    key = _READERS[dialect](task)
    assert key is not None, f"{dialect} gave an id it cannot read: {task}"
    return key
