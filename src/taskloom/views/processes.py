"""The views of processes: definitions, instances, element instances, incidents."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from taskloom.core.events import FlowEvent
from taskloom.flows.bpmn.advance import Advance, decode_advance
from taskloom.flows.bpmn.compile import PROCESS_KIND
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
from taskloom.views.view import ColumnType, RowChange, Value, View

_I, _T, _J = ColumnType.INTEGER, ColumnType.TEXT, ColumnType.JSON

ACTIVE, COMPLETED, TERMINATED, RESOLVED = "ACTIVE", "COMPLETED", "TERMINATED", "RESOLVED"

DEPLOYED = "definition.deployed"

DEFINITIONS = View(
    "process_definitions",
    {"process": _T, "name": _T, "version": _I, "version_tag": _T, "resource_name": _T, "is_latest": _I},
    (("process", "version"),),
)
INSTANCES = View(
    "process_instances",
    {
        "process": _T,
        "name": _T,
        "version": _I,
        "version_tag": _T,
        "definition": _I,
        "started_at": _I,
        "ended_at": _I,
        "state": _T,
        "incidents": _I,
        "has_incident": _I,
        "parent": _I,
        "parent_element": _I,
        "tags": _T,
        "business_id": _T,
        "result": _J,
    },
    (("state", "key"), ("process", "version"), ("definition",), ("started_at",)),
)
ELEMENTS = View(
    "element_instances",
    {
        "instance": _I,
        "process": _T,
        "definition": _I,
        "scope": _I,
        "element": _T,
        "name": _T,
        "type": _T,
        "state": _T,
        "started_at": _I,
        "ended_at": _I,
        "incident": _I,
    },
    (("instance",), ("definition", "element")),
)
INCIDENTS = View(
    "incidents",
    {
        "instance": _I,
        "process": _T,
        "definition": _I,
        "element": _T,
        "element_instance": _I,
        "job": _I,
        "kind": _T,
        "message": _T,
        "state": _T,
        "created_at": _I,
    },
    (("state", "key"), ("instance",)),
)

VIEWS = (DEFINITIONS, INSTANCES, ELEMENTS, INCIDENTS)

TAG_MARK = ","
"""Stands around every tag of an instance, so that one can be found by a pattern; no tag contains it."""


class Deployed(msgspec.Struct, frozen=True):
    """The body of the event that a definition record is told with; `replaced` was the latest until now."""

    process: str
    name: str
    version: int
    version_tag: str
    resource_name: str
    replaced: int = 0


def project(event: FlowEvent, at: int) -> Iterable[RowChange]:
    """The rows that a process or a definition changes."""
    if event.name == DEPLOYED:
        return _deployed(event)
    return _Rows(event, decode_advance(event.body), at).changes()


def _deployed(event: FlowEvent) -> list[RowChange]:
    told = msgspec.json.decode(event.body, type=Deployed)
    values: dict[str, Value] = {
        "process": told.process,
        "name": told.name,
        "version": told.version,
        "version_tag": told.version_tag,
        "resource_name": told.resource_name,
        "is_latest": 1,
    }
    rows = [RowChange(DEFINITIONS.name, event.flow, event.tenant, values)]
    if told.replaced:
        rows.append(RowChange(DEFINITIONS.name, told.replaced, event.tenant, {"is_latest": 0}))
    return rows


class _Rows:
    """The row changes of one advance, one per row."""

    def __init__(self, event: FlowEvent, advance: Advance, at: int) -> None:
        self._event = event
        self._advance = advance
        self._at = at
        self._rows: dict[tuple[str, int], dict[str, Value]] = {}

    def changes(self) -> list[RowChange]:
        """One change per row that some event concerns."""
        for happened in self._advance.events:
            _PROJECT[type(happened)](self, happened)
        tenant = self._event.tenant
        return [RowChange(view, key, tenant, values) for (view, key), values in self._rows.items()]

    def _put(self, view: View, key: int, **values: Value) -> None:
        self._rows.setdefault((view.name, key), {}).update(values)

    def _place(self) -> dict[str, Value]:
        advance = self._advance
        return {
            "instance": self._event.flow,
            "process": advance.process,
            "definition": advance.definition,
        }

    def _count(self) -> None:
        incidents = self._advance.incidents
        self._put(INSTANCES, self._event.flow, incidents=incidents, has_incident=min(incidents, 1))

    def created(self, _event: InstanceCreated) -> None:
        """An instance, which is an element instance as well: that of its process."""
        advance, key, at = self._advance, self._event.flow, self._at
        said = advance.beginning
        assert said is not None, "the first event of an instance says what it is"
        tags = f"{TAG_MARK}{TAG_MARK.join(said.tags)}{TAG_MARK}" if said.tags else ""
        self._put(
            INSTANCES,
            key,
            process=advance.process,
            name=said.name,
            version=advance.version,
            version_tag=said.version_tag,
            definition=advance.definition,
            started_at=at,
            state=ACTIVE,
            tags=tags,
            business_id=said.business_id,
        )
        place = self._place()
        self._put(
            ELEMENTS,
            key,
            element=advance.process,
            name=said.name,
            type=PROCESS_KIND,
            state=ACTIVE,
            started_at=at,
            **place,
        )

    def ended(self, event: InstanceCompleted | InstanceTerminated) -> None:
        """The instance and the element instance of its process."""
        key, at = self._event.flow, self._at
        state = COMPLETED if isinstance(event, InstanceCompleted) else TERMINATED
        self._put(INSTANCES, key, state=state, ended_at=at, result=bytes(self._advance.result))
        self._put(ELEMENTS, key, state=state, ended_at=at)
        self._count()

    def activated(self, event: ElementActivated) -> None:
        """A new element instance."""
        self._put(
            ELEMENTS,
            event.key,
            scope=event.scope,
            element=event.element,
            name=event.name,
            type=event.kind,
            state=ACTIVE,
            started_at=self._at,
            **self._place(),
        )

    def left(self, event: ElementCompleted | ElementTerminated) -> None:
        """An element instance that is over."""
        state = COMPLETED if isinstance(event, ElementCompleted) else TERMINATED
        self._put(ELEMENTS, event.key, state=state, ended_at=self._at)

    def stopped(self, event: IncidentCreated) -> None:
        """An incident, seen at its element instance and at the instance too."""
        self._put(
            INCIDENTS,
            event.key,
            element=event.element,
            element_instance=event.element_instance,
            job=event.job,
            kind=event.kind,
            message=event.message,
            state=ACTIVE,
            created_at=self._at,
            **self._place(),
        )
        self._put(ELEMENTS, event.element_instance, incident=event.key)
        self._count()

    def resolved(self, event: IncidentResolved) -> None:
        """The incident stays in the list as resolved."""
        self._put(INCIDENTS, event.key, state=RESOLVED)
        self._put(ELEMENTS, event.element_instance, incident=0)
        self._count()


_PROJECT: Mapping[type, Callable[[_Rows, Any], None]] = {
    InstanceCreated: _Rows.created,
    InstanceCompleted: _Rows.ended,
    InstanceTerminated: _Rows.ended,
    ElementActivated: _Rows.activated,
    ElementCompleted: _Rows.left,
    ElementTerminated: _Rows.left,
    IncidentCreated: _Rows.stopped,
    IncidentResolved: _Rows.resolved,
}
