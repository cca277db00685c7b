"""Process instances: create, cancel, write variables, resolve their incidents."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from taskloom.core.rejections import Rejection
from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.presence import while_present
from taskloom.dialects.processes import bodies
from taskloom.dialects.processes.answers import CreatedInstance
from taskloom.dialects.processes.awaiting import too_long, wait_for_end
from taskloom.dialects.processes.creation import Wanted, read_creation
from taskloom.dialects.processes.definitions import find_definition
from taskloom.dialects.processes.instance_texts import (
    no_such_definition,
    no_such_incident,
    no_such_instance,
    no_such_scope,
    refused,
)
from taskloom.dialects.processes.problem import not_provided, unexpected
from taskloom.dialects.processes.requests import Referenced, VariablesChange
from taskloom.dialects.processes.translate import key_text, path_key, tenant_text
from taskloom.flows.bpmn.flow import CANCEL, RESOLVE, SET_VARIABLES, START, Start, Started
from taskloom.flows.bpmn.job_tasks import KIND
from taskloom.flows.bpmn.triggers import SetVariables
from taskloom.flows.bpmn.variables import variables_of
from taskloom.flows.flow import FlowCommand
from taskloom.views.processes import ELEMENTS, INCIDENTS, RESOLVED
from taskloom.views.view import Compare, Query, View

DONE = Response(204)


async def create_instance(request: Request) -> Response | Refusal:
    """Start an instance; with `awaitCompletion` the answer comes at its end."""
    wanted = read_creation(request)
    if isinstance(wanted, Refusal):
        return wanted
    definition = await find_definition(request.engine.store, wanted.tenant, wanted.definition)
    if definition == 0:
        return no_such_definition(wanted.definition.words())
    start = Start(definition, wanted.variables, wanted.tags, wanted.business_id, wanted.is_awaited)
    command = FlowCommand(
        kind=KIND,
        name=START,
        tenant=wanted.tenant,
        body=msgspec.msgpack.encode(start),
        by=request.principal.name,
    )
    outcome = await request.engine.submit(command, size=len(request.body))
    if isinstance(outcome, Rejection):
        return unexpected(outcome)
    started: Started = outcome.reply
    if not wanted.is_awaited:
        return _created(wanted, started, definition, b"{}")
    waited = wait_for_end(request, started.instance, wanted.wait_ms)
    result = await while_present(request, waited) or too_long(started.instance, wanted.wait_ms)
    return result if isinstance(result, Refusal) else _created(wanted, started, definition, result)


def _created(wanted: Wanted, started: Started, definition: int, variables: bytes) -> Response:
    created = CreatedInstance(
        process_definition_id=started.process,
        process_definition_version=started.version,
        tenant_id=tenant_text(wanted.tenant),
        variables=Raw(_only(variables, wanted.fetch)),
        process_definition_key=key_text(definition),
        process_instance_key=key_text(started.instance),
        tags=wanted.tags,
        business_id=wanted.business_id,
    )
    return Response(body=msgspec.json.encode(created))


def _only(variables: bytes, names: Sequence[str]) -> bytes:
    """The variables of these names; of all names when none is given."""
    if not names:
        return variables
    members = msgspec.json.decode(variables, type=dict[str, Raw])
    return msgspec.json.encode({name: members[name] for name in names if name in members})


async def cancel_instance(request: Request) -> Response | Refusal:
    """End an instance and everything in it."""
    key = path_key(request, "processInstanceKey")
    if isinstance(key, Refusal):
        return key
    refusal = _check_referenced(request)
    if refusal is not None:
        return refusal
    outcome = await request.engine.submit(_command(request, key, CANCEL))
    return refused(outcome, key, no_such_instance) if isinstance(outcome, Rejection) else DONE


async def resolve_incident(request: Request) -> Response | Refusal:
    """Its cause is removed: try the step again, or offer the job again."""
    key = path_key(request, "incidentKey")
    if isinstance(key, Refusal):
        return key
    refusal = _check_referenced(request)
    if refusal is not None:
        return refusal
    row = await _row(request, INCIDENTS, key)
    if row is None or row["state"] == RESOLVED:
        return no_such_incident(key)
    command = _command(request, row["instance"], RESOLVE, msgspec.msgpack.encode(key))
    outcome = await request.engine.submit(command)
    return refused(outcome, key, no_such_incident) if isinstance(outcome, Rejection) else DONE


async def set_variables(request: Request) -> Response | Refusal:
    """Write variables into exactly this scope, or each into the nearest one that has it."""
    key = path_key(request, "elementInstanceKey")
    if isinstance(key, Refusal):
        return key
    body = bodies.read(request.body, VariablesChange)
    if isinstance(body, Refusal):
        return body
    refusal = bodies.check_reference(body.operation_reference)
    if refusal is not None:
        return refusal
    variables = bodies.read_variables(body.variables)
    if isinstance(variables, Refusal):
        return variables
    if variables is None:
        return not_provided("variables")
    row = await _row(request, ELEMENTS, key)
    if row is None:
        return no_such_scope(key)
    change = SetVariables(key, variables_of(variables), is_local=bool(body.local))
    command = _command(request, row["instance"], SET_VARIABLES, msgspec.msgpack.encode(change))
    outcome = await request.engine.submit(command, size=len(request.body))
    return refused(outcome, key, no_such_scope) if isinstance(outcome, Rejection) else DONE


def _check_referenced(request: Request) -> Refusal | None:
    body = bodies.read(request.body, Referenced, optional=True)
    return body if isinstance(body, Refusal) else bodies.check_reference(body.operation_reference)


def _command(request: Request, instance: int, name: str, body: bytes = b"") -> FlowCommand:
    return FlowCommand(
        kind=KIND, name=name, tenant=request.wall, flow=instance, body=body, by=request.principal.name
    )


async def _row(request: Request, view: View, key: int) -> dict[str, Any] | None:
    """The row of a view with this key, if the caller may see it."""
    tenants = None if request.wall is None else (request.wall,)
    query = Query(view=view.name, tenants=tenants, filter=Compare("key", "eq", key), limit=1, total=False)
    rows = (await request.engine.store.search(query)).rows
    return rows[0] if rows else None
