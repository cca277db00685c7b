"""Tenants cannot see, guess or change each other's things (A14).

For each dialect a `Scene`: tenant A makes things that carry a mark, and every call that names one of them is
made by tenant B, once with A's id and once with an id that nobody has. Both answers must be the same, lists
and claims of B must hold nothing of A's, and A's things must be as before.
"""

import asyncio
import json
import re

import pytest

from samples.processes import ServiceTask, process_xml
from taskloom.flows.document.ids import parse, spell
from tests.dialects.documents.desk import PDF, READ_OUTSIDE, bare, form
from tests.dialects.processes.conftest import Camunda
from tests.dialects.queue.desk import QUEUE, Desk

MARK = "mark-of-tenant-a"
FAR = 1 << 50
"""Added to a key: one of another year, which nobody has."""


class Scene:
    """What A made: `ids` (real, unknown) by name, calls that name them, calls that list."""

    def __init__(self, ids, naming, listing, still):
        self.ids = ids
        self.naming = naming
        self.listing = listing
        self.still = still
        """A's own view, which B must not have changed."""


async def queue_scene(a, b):
    desk = Desk(a.server, a.key)
    await desk.register()
    await Desk(b.server, b.key).register()
    waiting, taken = await desk.put(data={"model": "m", "input": MARK}), await desk.put()
    await desk.take()
    ids = {"waiting": (waiting, far_task(waiting)), "taken": (taken, far_task(taken))}
    naming = [
        (method, f"/v1/queue/{{{name}}}{tail}", body)
        for name in ids
        for method, tail, body in (
            ("GET", "", None),
            ("GET", "/stream", None),
            ("POST", "/complete", {"status_code": 200, "body": {"forged": True}}),
            ("POST", "/progress", {"event_id": 1, "event_name": "message", "event_data": {}}),
            ("POST", "/heartbeat", {}),
            ("POST", "/cancel", None),
        )
    ]
    listing = [
        ("POST", "/v1/queue/take", {"queues": [f"{QUEUE}:1"]}),
        ("GET", f"/v1/queue/{QUEUE}/metadata", None),
        ("GET", f"/v1/queue/{QUEUE}:1/backlog", None),
    ]
    return Scene(
        ids, naming, listing, [("GET", f"/v1/queue/{waiting}", None), ("GET", f"/v1/queue/{taken}", None)]
    )


def far_task(spelled):
    return spelled[:-6] + "999998"


async def agents_scene(a, b):
    await a.client.post("/system/register", {"id": "w", "roles": ["worker"]})
    await b.client.post("/system/register", {"id": "w", "roles": ["worker"]})
    made = [
        (await a.client.post("/task/create", {"text": f"{MARK} {number}"})).json()["data"]["id"]
        for number in range(2)
    ]
    claimed = (await a.client.post("/task/claim", {"workerId": "w"})).json()["data"]["taskId"]
    waiting = next(one for one in made if one != claimed)
    ids = {"waiting": (waiting, far_t(waiting)), "claimed": (claimed, far_t(claimed))}
    naming = []
    for name in ids:
        task = f"{{{name}}}"
        naming += [
            ("POST", "/task/get", {"taskId": task}),
            ("POST", "/task/complete", {"taskId": task, "workerId": "w", "result": {"forged": True}}),
            ("POST", "/task/release", {"taskId": task, "workerId": "w"}),
            ("POST", "/task/heartbeat", {"taskId": task, "workerId": "w"}),
            ("POST", "/task/update", {"id": task, "updates": {"text": "forged"}}),
            ("POST", "/task/assign", {"taskId": task, "instanceId": "w"}),
            ("POST", "/task/unassign", {"taskId": task}),
        ]
    listing = [("POST", "/task/list", {}), ("POST", "/task/claim", {"workerId": "w", "maxTasks": 10})]
    still = [("POST", "/task/get", {"taskId": one}) for one in made]
    return Scene(ids, naming, listing, still)


def far_t(spelled):
    return f"t-{int(spelled.removeprefix('t-')) + FAR}"


async def processes_scene(a, b):
    camunda = Camunda(a.client)
    definition = await camunda.deploy(process_xml([ServiceTask(id="task", type="work")]))
    process = definition["processDefinitionId"]
    instance = await camunda.start(process, variables={"secret": MARK})
    await camunda.start(process, variables={"secret": MARK})
    job = (await camunda.job("work", maxJobsToActivate=1))["jobKey"]
    elements = await camunda.search("element-instances")
    keys = {
        "definition": definition["processDefinitionKey"],
        "instance": instance,
        "job": job,
        "element": elements[0]["elementInstanceKey"],
    }
    ids = {name: (key, str(int(key) + FAR)) for name, key in keys.items()}
    naming = [
        ("GET", "/v2/process-definitions/{definition}", None),
        ("GET", "/v2/process-definitions/{definition}/xml", None),
        ("POST", "/v2/process-instances", {"processDefinitionKey": "{definition}"}),
        ("GET", "/v2/process-instances/{instance}", None),
        ("POST", "/v2/process-instances/{instance}/cancellation", {}),
        ("POST", "/v2/process-instances/{instance}/incidents/search", {}),
        ("PUT", "/v2/element-instances/{instance}/variables", {"variables": {"forged": 1}}),
        ("GET", "/v2/element-instances/{element}", None),
        ("POST", "/v2/jobs/{job}/completion", {"variables": {"forged": 1}}),
        ("POST", "/v2/jobs/{job}/failure", {"retries": 0, "errorMessage": "forged"}),
        ("POST", "/v2/jobs/{job}/error", {"errorCode": "forged"}),
        ("PATCH", "/v2/jobs/{job}", {"changeset": {"retries": 9}}),
    ]
    take = {"type": "work", "timeout": 60_000, "maxJobsToActivate": 10, "requestTimeout": -1}
    things = ("process-definitions", "process-instances", "element-instances", "jobs", "incidents")
    listing = [("POST", "/v2/jobs/activation", take)]
    listing += [("POST", f"/v2/{thing}/search", {}) for thing in things]
    still = [("GET", f"/v2/process-instances/{instance}", None), ("POST", "/v2/jobs/search", {})]
    return Scene(ids, naming, listing, still)


async def documents_scene(a, b):
    body, head = form({f"{MARK}.pdf": PDF})
    for side, team in ((a, "tenant-a"), (b, "tenant-b")):
        made = await side.client.put(f"/v2/{team}/project/p/schema", bare(READ_OUTSIDE))
        assert made.status < 300, made.body
    base = "/v2/tenant-a/project/p"
    upload = (await a.client.post(f"{base}/upload", body=body, headers=head)).json()["id"]
    shown = await a.client.get(f"{base}/upload/{upload}", headers={"prefer": "extended"})
    (task,) = shown.json()["payload"]["tasks"]
    ids = {"task": (task, far_document(task)), "upload": (upload, far_document(upload))}
    naming = []
    for path in ("/v2/tenant-a/project/p", "/v2/tenant-b/project/p"):
        naming += [
            ("GET", f"{path}/task/{{task}}", None),
            ("GET", f"{path}/task/{{task}}/file", None),
            ("POST", f"{path}/task/{{task}}/complete", {}),
            ("POST", f"{path}/task/{{task}}/discard", {}),
            ("POST", f"{path}/task/{{task}}/retry", {}),
            ("POST", f"{path}/task/{{task}}/approve", {}),
            ("GET", f"{path}/upload/{{upload}}", None),
        ]
    naming += [("GET", "/v2/tenant-b/upload/{upload}", None)]
    listing = [("GET", "/v2/tenant-b/project/p/task", None)]
    return Scene(ids, naming, listing, [("GET", f"{base}/task/{task}", None)])


def far_document(spelled):
    prefix = spelled.partition("_")[0] + "_"
    return spell(prefix, parse(prefix, spelled) + FAR)


async def native_scene(a, b):
    admin = a.server.client(a.admin)
    await admin.post("/api/v1/keys", {"name": MARK, "scopes": ["task.read"]})
    await admin.post("/api/v1/users", {"name": MARK, "role": "viewer", "password": "a long password"})
    items = [{"queue": "native", "input": {"secret": MARK}}] * 2
    made = (await a.client.post("/api/v1/tasks", {"items": items})).json()["items"]
    claim = {"queues": [{"queue": "native"}]}
    (claimed,) = (await a.client.post("/api/v1/tasks/claim", claim)).json()["items"]
    waiting = next(one["key"] for one in made if one["key"] != claimed["key"])
    ids = {"key": (MARK, "mark-of-nobody-1")}
    ids |= {
        name: (key, str(int(key) + FAR)) for name, key in (("waiting", waiting), ("claimed", claimed["key"]))
    }
    naming = [("GET", "/api/v1/keys/{key}", None), ("DELETE", "/api/v1/keys/{key}", None)]
    naming += [
        ("PUT", "/api/v1/users/{key}/password", {"password": "another password"}),
        ("DELETE", "/api/v1/users/{key}", None),
    ]
    for name in ("{waiting}", "{claimed}"):
        forged = {"key": name, "lease_token": claimed["lease_token"]}
        naming += [
            ("GET", f"/api/v1/tasks/{name}", None),
            ("POST", f"/api/v1/tasks/{name}/cancel", None),
            ("POST", "/api/v1/tasks/complete", {"items": [{**forged, "result": "forged"}]}),
            ("POST", "/api/v1/tasks/fail", {"items": [forged]}),
        ]
    listing = [
        ("GET", f"/api/v1/{things}", None)
        for things in ("keys", "users", "tenants", "tasks", "tasks?tenant=tenant-b")
    ]
    listing += [("POST", "/api/v1/tasks/claim", {**claim, "size": 10})]
    still = [("GET", f"/api/v1/keys/{MARK}", None), ("GET", "/api/v1/users", None)]
    still += [("GET", f"/api/v1/tasks/{key}", None) for key in (waiting, claimed["key"])]
    return Scene(ids, naming, listing, still)


SCENES = {
    "queue": queue_scene,
    "agents": agents_scene,
    "processes": processes_scene,
    "documents": documents_scene,
    "native": native_scene,
}
"""One for each dialect."""


class Side:
    """One tenant: a key that may do everything in it."""

    def __init__(self, server, key, admin):
        self.server = server
        self.key = key
        self.admin = admin
        self.client = server.client(admin)


@pytest.fixture
async def sides(server):
    made = []
    for tenant in ("tenant-a", "tenant-b"):
        admin = await server.key("admin", tenant, scopes=("admin",))
        made.append(Side(server, await server.key("app", tenant), admin))
    return made


@pytest.fixture(params=SCENES)
async def scene(request, sides):
    return await SCENES[request.param](*sides)


def filled(template, ids, which):
    """A path or a body with ids in place of their names."""
    text = json.dumps(template)
    for name, pair in ids.items():
        text = text.replace(f"{{{name}}}", pair[which])
    return json.loads(text)


def comparable(answer, ids):
    """What must not differ: status and body, but for the id asked for and the instant."""
    text = answer.body.decode()
    for pair in ids.values():
        for one in pair:
            text = text.replace(one, "<id>")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<instant>", text)
    text = re.sub(r'"timestamp":\d+', '"timestamp":0', text)
    text = text.replace(answer.headers["x-request-id"], "<request>")
    return answer.status, answer.headers.get("content-type"), text


async def made(client, call):
    method, target, body = call
    async with asyncio.timeout(30):
        return await client.call(method, target, body)


async def test_foreign_and_missing_look_alike(scene, sides):
    a, b = sides
    before = [(await made(a.client, call)).body for call in scene.still]

    for call in scene.naming:
        foreign = await made(b.client, filled(call, scene.ids, 0))
        missing = await made(b.client, filled(call, scene.ids, 1))
        assert comparable(foreign, scene.ids) == comparable(missing, scene.ids), call
        assert foreign.status >= 400 or b"error" in foreign.body, call

    assert [(await made(a.client, call)).body for call in scene.still] == before


async def test_lists_and_claims_hold_nothing_foreign(scene, sides):
    _, b = sides

    for call in scene.listing:
        answer = await made(b.client, call)
        text = answer.body.decode()
        assert answer.status == 200, call
        assert MARK not in text
        assert not [real for real, _ in scene.ids.values() if real in text], call


async def test_what_is_counted_for_one_tenant_is_not_counted_for_the_other(sides, server):
    a, b = sides
    await queue_scene(a, b)
    path = f"/v1/queue/{QUEUE}:1/backlog"

    own, foreign = await a.client.get(path), await b.client.get(path)

    assert own.status == foreign.status
    assert own.body != foreign.body
