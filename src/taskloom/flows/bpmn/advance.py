"""What one reaction of a process tells views and listeners: its events, and what they belong to."""

import msgspec

from taskloom.flows.bpmn.events import (
    ElementActivated,
    ElementCompleted,
    ElementTerminated,
    IncidentCreated,
    IncidentResolved,
    InstanceCompleted,
    InstanceCreated,
    InstanceTerminated,
)
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.state import Instance, InstanceState
from taskloom.flows.bpmn.triggers import Reaction
from taskloom.flows.bpmn.variables import render
from taskloom.flows.flow import Emit

STARTED = "process.started"
ADVANCED = "process.advanced"
ENDED = "process.ended"

Told = (
    InstanceCreated
    | InstanceCompleted
    | InstanceTerminated
    | ElementActivated
    | ElementCompleted
    | ElementTerminated
    | IncidentCreated
    | IncidentResolved
)
"""The events that are told; sequence flows and variables are not listed anywhere so far."""
_TOLD = (
    InstanceCreated,
    InstanceCompleted,
    InstanceTerminated,
    ElementActivated,
    ElementCompleted,
    ElementTerminated,
    IncidentCreated,
    IncidentResolved,
)


class Beginning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said of an instance once."""

    name: str
    version_tag: str = ""
    tags: tuple[str, ...] = ()
    business_id: str = ""


NO_RESULT = msgspec.Raw()


class Advance(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of the event."""

    process: str
    definition: int
    version: int
    events: tuple[Told, ...] = ()
    incidents: int = 0
    """How many incidents are open now."""
    beginning: Beginning | None = None
    result: msgspec.Raw = NO_RESULT
    """The variables at the end, where somebody awaits them."""


decode_advance = msgspec.json.Decoder(Advance).decode


def told(reaction: Reaction, process: Process) -> list[Emit]:
    """The event of a reaction; none when nothing happened that is listed."""
    events = tuple(event for event in reaction.events if isinstance(event, _TOLD))
    if not events:
        return []
    instance = reaction.instance
    is_new = isinstance(events[0], InstanceCreated)
    is_over = instance.state in (InstanceState.COMPLETED, InstanceState.TERMINATED)
    advance = Advance(
        process=instance.process,
        definition=instance.definition,
        version=instance.version,
        events=events,
        incidents=len(instance.incidents),
        beginning=_beginning(instance, process) if is_new else None,
        result=_result(instance) if is_over else NO_RESULT,
    )
    name = ENDED if is_over else STARTED if is_new else ADVANCED
    return [Emit(name, msgspec.json.encode(advance))]


def _result(instance: Instance) -> msgspec.Raw:
    return msgspec.Raw(render(instance, instance.key)) if instance.is_awaited else NO_RESULT


def _beginning(instance: Instance, process: Process) -> Beginning:
    return Beginning(process.name, process.version_tag or "", instance.tags, instance.business_id or "")


__all__ = ["ADVANCED", "ENDED", "STARTED", "Advance", "Beginning", "decode_advance", "told"]
