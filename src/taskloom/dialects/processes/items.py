"""Rows of the views as answers."""

from typing import Any

from taskloom.dialects.processes import answers
from taskloom.dialects.processes.translate import (
    date_text,
    key_text,
    optional_date,
    optional_key,
    tenant_text,
)
from taskloom.views import processes as views


def instance_item(row: dict[str, Any]) -> answers.ProcessInstance:
    """A process instance."""
    return answers.ProcessInstance(
        process_instance_key=key_text(row["key"]),
        process_definition_key=key_text(row["definition"]),
        process_definition_id=row["process"],
        process_definition_name=row["name"] or None,
        process_definition_version=row["version"],
        process_definition_version_tag=row["version_tag"] or None,
        start_date=date_text(row["started_at"]),
        end_date=optional_date(row["ended_at"]),
        state=row["state"],
        has_incident=bool(row["has_incident"]),
        tenant_id=tenant_text(row["tenant"]),
        parent_process_instance_key=optional_key(row["parent"]),
        parent_element_instance_key=optional_key(row["parent_element"]),
        root_process_instance_key=key_text(row["key"]),
        tags=[tag for tag in row["tags"].split(views.TAG_MARK) if tag],
        business_id=row["business_id"] or None,
    )


def element_item(row: dict[str, Any]) -> answers.ElementInstance:
    """An element instance; one without a name goes by its id."""
    instance = key_text(row["instance"])
    return answers.ElementInstance(
        element_instance_key=key_text(row["key"]),
        process_instance_key=instance,
        root_process_instance_key=instance,
        process_definition_key=key_text(row["definition"]),
        process_definition_id=row["process"],
        element_id=row["element"],
        element_name=row["name"] or row["element"],
        type=row["type"],
        state=row["state"],
        start_date=date_text(row["started_at"]),
        end_date=optional_date(row["ended_at"]),
        has_incident=bool(row["incident"]),
        incident_key=optional_key(row["incident"]),
        tenant_id=tenant_text(row["tenant"]),
    )


def incident_item(row: dict[str, Any]) -> answers.Incident:
    """An incident."""
    instance = key_text(row["instance"])
    return answers.Incident(
        incident_key=key_text(row["key"]),
        error_type=row["kind"],
        error_message=row["message"],
        state=row["state"],
        creation_time=date_text(row["created_at"]),
        element_id=row["element"],
        element_instance_key=key_text(row["element_instance"]),
        job_key=optional_key(row["job"]),
        process_instance_key=instance,
        root_process_instance_key=instance,
        process_definition_key=key_text(row["definition"]),
        process_definition_id=row["process"],
        tenant_id=tenant_text(row["tenant"]),
    )


def definition_item(row: dict[str, Any]) -> answers.ProcessDefinition:
    """A process definition."""
    return answers.ProcessDefinition(
        process_definition_key=key_text(row["key"]),
        process_definition_id=row["process"],
        name=row["name"] or None,
        version=row["version"],
        version_tag=row["version_tag"] or None,
        resource_name=row["resource_name"],
        tenant_id=tenant_text(row["tenant"]),
    )
