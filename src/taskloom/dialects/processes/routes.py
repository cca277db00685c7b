"""The operations of this dialect, and what it brings to the server."""

from typing import Any

from taskloom.core.limits import PAYLOAD_BYTES
from taskloom.dialects.operation import Body, Dialect, Handler, Operation
from taskloom.dialects.processes import answers, requests
from taskloom.dialects.processes.activation import activate_jobs
from taskloom.dialects.processes.problem import Problem, render
from taskloom.dialects.processes.routes_cluster import get_license, get_status, get_topology
from taskloom.dialects.processes.routes_deployment import deploy
from taskloom.dialects.processes.routes_instances import (
    cancel_instance,
    create_instance,
    resolve_incident,
    set_variables,
)
from taskloom.dialects.processes.routes_jobs import complete_job, fail_job, throw_error, update_job
from taskloom.dialects.processes.routes_search import (
    get_definition,
    get_element,
    get_incident,
    get_instance,
    get_xml,
    search_definitions,
    search_elements,
    search_incidents,
    search_incidents_of_instance,
    search_instances,
    search_jobs,
)
from taskloom.flows.bpmn.flow import ProcessFlow
from taskloom.flows.bpmn.job_tasks import KIND
from taskloom.views.processes import VIEWS, project

PREFIX = "/v2"

READ, RUN, DEPLOY, WORK = "process.read", "process.run", "process.deploy", "task.work"

_REFUSALS: dict[int, Any] = {400: Problem, 401: Problem, 403: Problem, 500: Problem, 503: Problem}


def _read(name: str, path: str, handler: Handler, answer: Any, summary: str, **more: Any) -> Operation:
    return Operation(
        name=f"processes.{name}",
        method="GET",
        path=PREFIX + path,
        handler=handler,
        scope=READ,
        summary=summary,
        responses={200: answer, 404: Problem, **_REFUSALS},
        **more,
    )


def _search(name: str, path: str, handler: Handler, summary: str) -> Operation:
    return Operation(
        name=f"processes.{name}",
        method="POST",
        path=PREFIX + path,
        handler=handler,
        scope=READ,
        summary=summary,
        body=Body.JSON,
        request=requests.Search,
        responses={200: answers.Found, **_REFUSALS},
    )


def _command(
    name: str,
    path: str,
    handler: Handler,
    summary: str,
    *,
    scope: str = WORK,
    method: str = "POST",
    request: Any = requests.Referenced,
    hot: bool = False,
) -> Operation:
    """A command on something with a key: 204, or why not."""
    return Operation(
        name=f"processes.{name}",
        method=method,
        path=PREFIX + path,
        handler=handler,
        scope=scope,
        summary=summary,
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        request=request,
        responses={204: None, 404: Problem, 409: Problem, **_REFUSALS},
        hot=hot,
    )


_CLUSTER = (
    Operation(
        name="processes.topology",
        method="GET",
        path=PREFIX + "/topology",
        handler=get_topology,
        scope=READ,
        summary="The cluster as clients expect to see it",
        responses={200: answers.Topology, 401: Problem},
    ),
    Operation(
        name="processes.status",
        method="GET",
        path=PREFIX + "/status",
        handler=get_status,
        scope=None,
        summary="Whether the server can work",
        responses={204: None, 503: Problem},
    ),
    Operation(
        name="processes.license",
        method="GET",
        path=PREFIX + "/license",
        handler=get_license,
        scope=None,
        summary="The licence, which is always valid",
        responses={200: answers.License},
    ),
)

_MODELS = (
    Operation(
        name="processes.deploy",
        method="POST",
        path=PREFIX + "/deployments",
        handler=deploy,
        scope=DEPLOY,
        summary="Deploy BPMN files, all or none",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        media_types=("multipart/form-data",),
        responses={200: answers.Deployment, **_REFUSALS},
    ),
    _search(
        "search_definitions", "/process-definitions/search", search_definitions, "Find process definitions"
    ),
    _read(
        "get_definition",
        "/process-definitions/{processDefinitionKey}",
        get_definition,
        answers.ProcessDefinition,
        "One process definition",
    ),
    _read(
        "get_xml",
        "/process-definitions/{processDefinitionKey}/xml",
        get_xml,
        str,
        "The deployed file",
        answer_type="text/xml",
    ),
)

_INSTANCES = (
    Operation(
        name="processes.create_instance",
        method="POST",
        path=PREFIX + "/process-instances",
        handler=create_instance,
        scope=RUN,
        summary="Start a process instance, and wait for its end when asked to",
        body=Body.JSON,
        limit_bytes=PAYLOAD_BYTES,
        request=requests.InstanceCreation,
        responses={200: answers.CreatedInstance, 404: Problem, 409: Problem, 504: Problem, **_REFUSALS},
        hot=True,
    ),
    _command(
        "cancel_instance",
        "/process-instances/{processInstanceKey}/cancellation",
        cancel_instance,
        "End a process instance",
        scope=RUN,
    ),
    _command(
        "set_variables",
        "/element-instances/{elementInstanceKey}/variables",
        set_variables,
        "Write variables into a scope",
        scope=RUN,
        method="PUT",
        request=requests.VariablesChange,
    ),
    _command(
        "resolve_incident",
        "/incidents/{incidentKey}/resolution",
        resolve_incident,
        "Try again what stands at an incident",
        scope=RUN,
    ),
    _search("search_instances", "/process-instances/search", search_instances, "Find process instances"),
    _search(
        "search_incidents_of_instance",
        "/process-instances/{processInstanceKey}/incidents/search",
        search_incidents_of_instance,
        "Find incidents of a process instance",
    ),
    _search("search_elements", "/element-instances/search", search_elements, "Find element instances"),
    _search("search_incidents", "/incidents/search", search_incidents, "Find incidents"),
    _read(
        "get_instance",
        "/process-instances/{processInstanceKey}",
        get_instance,
        answers.ProcessInstance,
        "One process instance",
    ),
    _read(
        "get_element",
        "/element-instances/{elementInstanceKey}",
        get_element,
        answers.ElementInstance,
        "One element instance",
    ),
    _read("get_incident", "/incidents/{incidentKey}", get_incident, answers.Incident, "One incident"),
)

_JOBS = (
    Operation(
        name="processes.activate_jobs",
        method="POST",
        path=PREFIX + "/jobs/activation",
        handler=activate_jobs,
        scope=WORK,
        summary="Take jobs of a type, or wait for one",
        body=Body.JSON,
        request=requests.JobActivation,
        responses={200: answers.ActivatedJobs, **_REFUSALS},
        hot=True,
    ),
    _command(
        "complete_job",
        "/jobs/{jobKey}/completion",
        complete_job,
        "Finish a job",
        request=requests.JobCompletion,
        hot=True,
    ),
    _command(
        "fail_job",
        "/jobs/{jobKey}/failure",
        fail_job,
        "Give a job back as failed",
        request=requests.JobFailure,
        hot=True,
    ),
    _command(
        "throw_error",
        "/jobs/{jobKey}/error",
        throw_error,
        "Report a business error",
        request=requests.JobError,
    ),
    _command(
        "update_job",
        "/jobs/{jobKey}",
        update_job,
        "Change a job's retries, timeout or priority",
        method="PATCH",
        request=requests.JobUpdate,
    ),
    _search("search_jobs", "/jobs/search", search_jobs, "Find jobs"),
)

OPERATIONS = (*_CLUSTER, *_MODELS, *_INSTANCES, *_JOBS)

_COLLECTIONS = frozenset(operation.path.split("/")[2] for operation in OPERATIONS)
_OF_DOCUMENTS = frozenset({"project", "upload"})


def owns(path: str) -> bool:
    """Everything below `/v2` but the documents' paths, whose second segment tells them."""
    first, _, rest = path.removeprefix("/v2/").partition("/")
    if not path.startswith("/v2/"):
        return path == PREFIX
    return first in _COLLECTIONS or rest.partition("/")[0] not in _OF_DOCUMENTS


DIALECT = Dialect(
    name="processes",
    operations=OPERATIONS,
    render=render,
    owns=owns,
    flows=(ProcessFlow(),),
    views=VIEWS,
    projections={KIND: project},
)
