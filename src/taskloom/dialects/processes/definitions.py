"""Process definitions as records: one per version, and one per process that names the latest."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from taskloom.core.events import FlowEvent
from taskloom.core.records import PutRecords, Record, RecordChange
from taskloom.dialects.processes.creation import LATEST, DefinitionName
from taskloom.flows.bpmn.flow import Definition, definition_of
from taskloom.flows.bpmn.job_tasks import KIND
from taskloom.flows.bpmn.model import Process
from taskloom.ports.store import Store
from taskloom.views.processes import DEPLOYED, Deployed

LATEST_KIND = "process latest"


class Latest(Struct, frozen=True, array_like=True):
    """The body of the record that names the latest version of a process; `digest` is of its document."""

    key: int
    version: int
    digest: bytes
    resource_name: str


class NewVersion(Struct, frozen=True):
    """A process about to get another version, and the pointer as it was seen."""

    key: int
    process: Process
    resource_name: str
    document: bytes
    digest: bytes
    before: Record | None

    @property
    def version(self) -> int:
        """One more than the latest there is."""
        return 1 if self.before is None else read_latest(self.before).version + 1


def read_latest(record: Record) -> Latest:
    """What a pointer says."""
    return msgspec.msgpack.decode(record.body, type=Latest)


def read_definition(record: Record) -> Definition:
    """What a definition says."""
    return msgspec.msgpack.decode(record.body, type=Definition)


def version_name(process: str, version: int) -> str:
    """The name of the record of one version; no process id contains a colon."""
    return f"{process}:{version}"


async def find_definition(store: Store, tenant: str, name: DefinitionName) -> int:
    """The key of a definition of a tenant, 0 when there is none."""
    if not name.process:
        record = await store.record_by_key(name.key) if name.key else None
        is_ours = record is not None and record.kind == KIND and record.tenant == tenant
        return name.key if is_ours else 0
    if name.version == LATEST:
        pointer = await store.record(LATEST_KIND, tenant, name.process)
        return 0 if pointer is None else read_latest(pointer).key
    found = await store.record(KIND, tenant, version_name(name.process, name.version))
    return 0 if found is None else found.key


def put_versions(tenant: str, versions: Sequence[NewVersion]) -> PutRecords:
    """One command for all: new versions, moved pointers, told views; refused when a pointer has moved."""
    changes: list[RecordChange] = []
    told: list[FlowEvent] = []
    for new in versions:
        changes += _changes(tenant, new)
        told.append(_told(tenant, new))
    return PutRecords(tuple(changes), tuple(told))


def _changes(tenant: str, new: NewVersion) -> list[RecordChange]:
    process = new.process.id
    definition = definition_of(new.process, new.version, new.resource_name, new.document)
    latest = Latest(new.key, new.version, new.digest, new.resource_name)
    seen = 0 if new.before is None else new.before.version
    name = version_name(process, new.version)
    return [
        RecordChange(LATEST_KIND, tenant, process, msgspec.msgpack.encode(latest), seen),
        RecordChange(KIND, tenant, name, definition, 0, new.key),
    ]


def _told(tenant: str, new: NewVersion) -> FlowEvent:
    body = Deployed(
        process=new.process.id,
        name=new.process.name,
        version=new.version,
        version_tag=new.process.version_tag or "",
        resource_name=new.resource_name,
        replaced=0 if new.before is None else read_latest(new.before).key,
    )
    return FlowEvent(new.key, new.key, KIND, tenant, DEPLOYED, msgspec.json.encode(body))
