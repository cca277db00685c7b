"""Who may call what: every operation of every dialect and the scope it needs.

Written by hand on purpose. The operation table says what the server does, this says what it should do; a
route that is not here fails the build. None: everybody; "": any key.
"""

NATIVE = {
    "native.me": "",
    "native.tenants": "admin",
    "native.keys_create": "admin",
    "native.keys_list": "admin",
    "native.keys_read": "admin",
    "native.keys_revoke": "admin",
    "native.users_create": "admin",
    "native.users_list": "admin",
    "native.users_remove": "admin",
    "native.users_password": "admin",
    "native.callback_secret": "admin",
    "native.callback_secret_renew": "admin",
    "native.store_freeze": "admin",
    "native.store_thaw": "admin",
    "native.tasks_create": "task.write",
    "native.tasks_claim": "task.work",
    "native.tasks_complete": "task.work",
    "native.tasks_fail": "task.work",
    "native.tasks_list": "task.read",
    "native.tasks_cancel": "task.write",
    "native.tasks_read": "task.read",
}

SERVER = {
    "oauth.token": None,
    "server.status": None,
    "server.live": None,
    "server.ready": None,
    "server.openapi": None,
    "server.metrics": "metrics.read",
}

AGENTS = {
    "agents.rpc": "",
    "agents.rpc_batch": "",
    "agents.task.create": "task.write",
    "agents.task.update": "task.write",
    "agents.task.assign": "task.write",
    "agents.task.unassign": "task.supervise",
    "agents.task.claim": "task.work",
    "agents.task.heartbeat": "task.work",
    "agents.task.complete": "task.work",
    "agents.task.release": "task.work",
    "agents.task.get": "task.read",
    "agents.task.list": "task.read",
    "agents.system.register": "task.work",
    "agents.system.heartbeat": "task.work",
    "agents.system.unregister": "task.work",
    "agents.system.discover": "",
    "agents.events": "task.read",
    "agents.routes": "",
    "agents.handlers": "",
    "agents.schemas": "",
}

PROCESSES = {
    "processes.topology": "process.read",
    "processes.status": None,
    "processes.license": None,
    "processes.deploy": "process.deploy",
    "processes.search_definitions": "process.read",
    "processes.get_definition": "process.read",
    "processes.get_xml": "process.read",
    "processes.create_instance": "process.run",
    "processes.cancel_instance": "process.run",
    "processes.set_variables": "process.run",
    "processes.resolve_incident": "process.run",
    "processes.search_instances": "process.read",
    "processes.search_incidents_of_instance": "process.read",
    "processes.search_elements": "process.read",
    "processes.search_incidents": "process.read",
    "processes.get_instance": "process.read",
    "processes.get_element": "process.read",
    "processes.get_incident": "process.read",
    "processes.activate_jobs": "task.work",
    "processes.complete_job": "task.work",
    "processes.fail_job": "task.work",
    "processes.throw_error": "task.work",
    "processes.update_job": "task.work",
    "processes.search_jobs": "process.read",
}

DOCUMENTS = {
    "documents.put_schema": "project.edit",
    "documents.get_schema": "document.read",
    "documents.create_upload": "upload.create",
    "documents.create_upload_of_team": "upload.create",
    "documents.get_upload": "upload.read",
    "documents.get_upload_of_team": "upload.read",
    "documents.list_tasks": "document.read",
    "documents.get_task": "document.read",
    "documents.validate_task": "document.read",
    "documents.get_task_file": "document.read",
    "documents.complete_task": "document.edit",
    "documents.discard_task": "document.edit",
    "documents.report_task": "document.edit",
    "documents.approve_task": "document.edit",
    "documents.retry_task": "document.edit",
    "documents.retry_export": "document.edit",
}

QUEUE = {
    "queue.register": "task.work",
    "queue.eventbus": "task.work",
    "queue.metadata": "task.read",
    "queue.backlog": "task.read",
    "queue.models": "task.read",
    "queue.model": "task.read",
    "queue.put": "task.write",
    "queue.take": "task.work",
    "queue.complete": "task.work",
    "queue.progress": "task.work",
    "queue.heartbeat": "task.work",
    "queue.cancel": "task.write",
    "queue.get": "task.read",
    "queue.stream": "task.read",
    "queue.chat_completions": "task.write",
    "queue.completions": "task.write",
    "queue.embeddings": "task.write",
}

SCOPES = {**NATIVE, **SERVER, **AGENTS, **PROCESSES, **DOCUMENTS, **QUEUE}
