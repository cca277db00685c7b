"""Searches and reads by key."""

from collections.abc import Awaitable, Callable

import msgspec

from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.processes.definitions import read_definition
from taskloom.dialects.processes.entities import DEFINITIONS, ELEMENTS, INCIDENTS, INSTANCES
from taskloom.dialects.processes.entity_jobs import JOBS
from taskloom.dialects.processes.problem import no_such
from taskloom.dialects.processes.searching import Entity, get, search
from taskloom.views.view import Compare

Handler = Callable[[Request], Awaitable[Response | Refusal]]


def _searches(entity: Entity) -> Handler:
    async def handler(request: Request) -> Response | Refusal:
        return await search(request, entity)

    return handler


def _gets(entity: Entity, parameter: str) -> Handler:
    async def handler(request: Request) -> Response | Refusal:
        row = await get(request, entity, parameter)
        return row if isinstance(row, Refusal) else Response(body=msgspec.json.encode(entity.item(row)))

    return handler


search_instances = _searches(INSTANCES)
search_elements = _searches(ELEMENTS)
search_incidents = _searches(INCIDENTS)
search_jobs = _searches(JOBS)
search_definitions = _searches(DEFINITIONS)

get_instance = _gets(INSTANCES, "processInstanceKey")
get_element = _gets(ELEMENTS, "elementInstanceKey")
get_incident = _gets(INCIDENTS, "incidentKey")
get_definition = _gets(DEFINITIONS, "processDefinitionKey")


async def search_incidents_of_instance(request: Request) -> Response | Refusal:
    """The incidents of one instance."""
    row = await get(request, INSTANCES, "processInstanceKey")
    if isinstance(row, Refusal):
        return row
    return await search(request, INCIDENTS, Compare("instance", "eq", row["key"]))


async def get_xml(request: Request) -> Response | Refusal:
    """The deployed file, byte for byte."""
    row = await get(request, DEFINITIONS, "processDefinitionKey")
    if isinstance(row, Refusal):
        return row
    record = await request.engine.store.record_by_key(row["key"])
    if record is None:
        return no_such(DEFINITIONS.words, request.parameters["processDefinitionKey"])
    return Response(body=read_definition(record).document, content_type="text/xml")
