"""Bodies that are right, by operation: what a random one seldom is. Ids in them are replaced by real ones.

An operation that takes a body and has none here fails the build.
"""

from samples.invoices import INVOICE_SCHEMA
from samples.processes import ServiceTask, process_xml
from tests.abuse.fuzzing import Form
from tests.dialects.documents.desk import PDF, READ_OUTSIDE, bare, form
from tests.dialects.queue.desk import ENDPOINT, ENVELOPE, QUEUE
from tests.server.fixtures import ROOT_KEY

_PUT = {"queue": QUEUE, "endpoint": ENDPOINT, "level": 1, "data": {"model": "m", "input": "x"}}
_RETRY = {"max_retries": 2, "first_pause": 1, "longest_pause": 60, "final_codes": ["400"]}
_HELD = {"taskId": "t-1", "workerId": "w"}
_SEARCH = {"filter": {}, "sort": [{"field": "state", "order": "DESC"}], "page": {"limit": 5}}
_ITEM = {"key": "1", "lease_token": "x", "worker": "w"}
_ROW = (
    b'{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m2","input":"x"}}\n'
    b'{"custom_id":"b","method":"POST","url":"/v1/embeddings","body":{"model":"m2","input":"y"}}\n'
)


def _form(files, **fields):
    body, headers = form(files, **fields)
    return Form(body, headers["content-type"])


def _resources():
    xml = process_xml([ServiceTask(id="task", type="work")])
    body = b'--edge\r\nContent-Disposition: form-data; name="resources"; filename="p.bpmn"\r\n\r\n' + xml
    return Form(body + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge")


QUEUE_BODIES = {
    "queue.files_create": [_form({"rows.jsonl": _ROW}, purpose="batch")],
    "queue.register": [
        {
            "queue": "other",
            "endpoint": ENDPOINT,
            "models": ["m2"],
            "policy": {"start_timeout": 60, "retry": _RETRY},
        }
    ],
    "queue.put": [
        _PUT,
        {**_PUT, "response_mode": "callback", "callback_url": "https://example.org/", "trace_id": "t"},
        {**_PUT, "level": 0, "run_timeout": 60, "retry": _RETRY},
        {**_PUT, "response_mode": "blocking", "timeout": 1},
        {**_PUT, "response_mode": "streaming", "timeout": 1},
    ],
    "queue.take": [
        {"queues": [f"{QUEUE}:1"], "size": 5, "worker": {"id": "w"}},
        {"queues": [f"{QUEUE}:1", f"{QUEUE}:0"], "strategy": "round_robin", "process_timeout": 60},
        {"queues": [f"{QUEUE}:1"], "strategy": "sequential", "min_age_seconds": 0, "process_max_retries": 1},
    ],
    "queue.complete": [ENVELOPE, {**ENVELOPE, "lease_id": "x"}, {"status_code": 500, "body": {}}],
    "queue.fail": [{"lease_id": "x", "code": "c", "message": "m", "retry_after": 1}, {"final": True}],
    "queue.release": [{"lease_id": "x", "retry_after": 1}, {}],
    "queue.progress": [{"event_id": 1, "event_name": "message", "event_data": {}}],
    "queue.heartbeat": [{"lease_id": "x", "extend_seconds": 60}, {}],
    "queue.chat_completions": [
        {"model": "m2", "messages": []},
        {"model": "m2", "messages": [], "stream": True},
    ],
    "queue.completions": [{"model": "m2", "prompt": "x"}],
    "queue.embeddings": [{"model": "m2", "input": "x"}],
    "queue.responses_create": [
        {"model": "m2", "input": "x", "background": True},
        {"model": "m2", "input": [{"role": "user", "content": "x"}], "stream": True},
    ],
    "queue.batches_create": [
        {"input_file_id": "file-1", "endpoint": ENDPOINT, "completion_window": "24h", "metadata": {"a": "b"}}
    ],
}
AGENTS_BODIES = {
    "agents.rpc": [
        {"jsonrpc": "2.0", "id": 1, "method": "task.create", "params": {"text": "x"}},
        {"jsonrpc": "2.0", "id": "a", "method": "task.claim", "params": {"workerId": "w"}},
        {"jsonrpc": "2.0", "method": "task.list", "params": {}},
    ],
    "agents.rpc_batch": [
        [{"jsonrpc": "2.0", "id": 1, "method": "task.get", "params": {"taskId": "t-1"}}] * 2
    ],
    "agents.task.create": [
        {"text": "x", "priority": 5, "metadata": {"a": 1}},
        {"text": "x", "dependsOn": ["t-1"]},
    ],
    "agents.task.update": [{"taskId": "t-1", "updates": {"text": "y", "priority": 1}}],
    "agents.task.assign": [{"taskId": "t-1", "instanceId": "w"}],
    "agents.task.unassign": [{"taskId": "t-1"}],
    "agents.task.claim": [{"workerId": "w", "maxTasks": 2, "leaseMs": 60_000}],
    "agents.task.heartbeat": [{**_HELD, "leaseMs": 60_000}],
    "agents.task.complete": [{**_HELD, "result": {"a": 1}}, {**_HELD, "status": "failed", "error": "e"}],
    "agents.task.release": [_HELD],
    "agents.task.get": [{"taskId": "t-1"}],
    "agents.task.list": [
        {"status": "pending", "limit": 5, "offset": 0, "orderBy": "priority", "order": "desc"}
    ],
    "agents.system.register": [{"id": "w", "roles": ["worker"], "metadata": {"workingDirectory": "/"}}],
    "agents.system.heartbeat": [{"instanceId": "w"}],
    "agents.system.unregister": [{"instanceId": "w"}],
    "agents.system.discover": [{"domain": "task"}],
}
PROCESSES_BODIES = {
    "processes.deploy": [_resources()],
    "processes.create_instance": [
        {"processDefinitionId": "process", "variables": {"a": 1}, "tags": ["t"]},
        {"processDefinitionKey": "1", "awaitCompletion": True, "requestTimeout": 1},
    ],
    "processes.cancel_instance": [{"operationReference": 1}, {}],
    "processes.resolve_incident": [{}],
    "processes.search_incidents_of_instance": [_SEARCH],
    "processes.set_variables": [{"variables": {"a": 1}, "local": True}],
    "processes.activate_jobs": [
        {"type": "work", "timeout": 60_000, "maxJobsToActivate": 5, "requestTimeout": -1, "worker": "w"}
    ],
    "processes.complete_job": [{"variables": {"a": 1}}],
    "processes.fail_job": [{"retries": 1, "errorMessage": "e", "retryBackOff": 1}, {"retries": 0}],
    "processes.throw_error": [{"errorCode": "c", "errorMessage": "m", "variables": {}}],
    "processes.update_job": [{"changeset": {"retries": 2, "timeout": 1000}}],
    "processes.search_definitions": [_SEARCH, {"filter": {"processDefinitionId": {"$like": "p*"}}}],
    "processes.search_instances": [
        _SEARCH,
        {"filter": {"processInstanceKey": {"$in": ["1"]}, "state": "ACTIVE"}},
    ],
    "processes.search_elements": [_SEARCH, {"filter": {"processInstanceKey": "1", "elementId": "task"}}],
    "processes.search_incidents": [_SEARCH],
    "processes.search_jobs": [_SEARCH, {"filter": {"type": "work", "retries": {"$gt": 0}}}],
}
DOCUMENTS_BODIES = {
    "documents.create_upload": [_form({"a.pdf": PDF}), _form({"a.pdf": PDF}, meta='{"a":"b"}')],
    "documents.create_upload_of_team": [_form({"a.pdf": PDF}, project_id="p")],
    "documents.put_schema": [bare(READ_OUTSIDE), INVOICE_SCHEMA],
    "documents.discard_task": [{}],
    "documents.report_task": [{"issues": []}],
}
NATIVE_BODIES = {
    "native.tasks_create": [
        {"items": [{"queue": "native", "level": 1, "priority": 3, "retries": 2, "input": {"a": 1}}]},
        {"items": [{"queue": "native", "run_ms": 1000, "retry": {"max_retries": 1}, "metadata": {"a": "b"}}]},
    ],
    "native.tasks_claim": [
        {"queues": [{"queue": "native", "level": 1}], "size": 2, "worker": "w", "lease_ms": 60_000}
    ],
    "native.tasks_complete": [
        {"items": [{**_ITEM, "result": {}, "usage": {"model": "m", "input_tokens": 1}}]}
    ],
    "native.tasks_fail": [
        {"items": [{**_ITEM, "code": "c", "message": "m", "retries": 1}]},
        {"items": [{**_ITEM, "final": True}]},
    ],
    "native.tasks_extend": [{"items": [{**_ITEM, "lease_ms": 60_000}]}],
    "native.tasks_release": [{"items": [_ITEM]}],
    "native.tasks_progress": [{"items": [{**_ITEM, "number": 1, "data": {"done": 1}}]}],
    "native.models_change": [{"routes": [{"queue": "native", "endpoint": "/v1/embeddings", "target": "m"}]}],
    "native.tasks_cancel": [{"reason": "r"}],
    "native.dead_letters_replay": [{"queue": "native", "limit": 5}],
    "native.dead_letters_discard": [{"code": "c", "limit": 5}],
    "native.tenants_change": [{"partial_validation": True, "bella_batch_times": "ms"}],
    "native.policy_put": [
        {"start_ms": 1000, "run_ms": 1000, "retry": {"max_retries": 3, "first_pause_ms": 10}}
    ],
    "native.webhooks_create": [{"url": "https://example.org/h", "events": ["task.*"], "queues": ["native"]}],
    "native.webhooks_change": [{"events": ["*"], "enabled": False}],
    "native.deliveries_send_failed": [
        {"failed_after": "2026-01-01T00:00:00Z", "failed_before": "2027-01-01T00:00:00Z"}
    ],
    "native.keys_create": [
        {"name": "made", "scopes": ["task.read"], "rate": 5, "expires_at": "2030-01-01T00:00:00Z"}
    ],
    "native.users_create": [{"name": "person", "password": "a long password", "role": "viewer"}],
    "native.users_password": [{"password": "another password"}],
    "native.queues_change": [{"limit": 5, "rate": 60, "key_limit": 2, "keys": [{"key": "app", "weight": 2}]}],
    "native.queues_pause": [{"seconds": 1}, {"key": "app", "until": "2030-01-01T00:00:00Z"}],
    "native.queues_clear": [{}, {"level": 9}],
    "native.queues_resume": [{}, {"key": "app"}],
    "native.store_thaw": [{"id": "x"}],
}
OAUTH_BODIES = {
    "oauth.token": [
        Form(
            b"grant_type=client_credentials&client_id=root&client_secret=" + ROOT_KEY.encode(),
            "application/x-www-form-urlencoded",
        )
    ]
}

GOOD_BODIES = {
    **QUEUE_BODIES,
    **AGENTS_BODIES,
    **PROCESSES_BODIES,
    **DOCUMENTS_BODIES,
    **NATIVE_BODIES,
    **OAUTH_BODIES,
}
