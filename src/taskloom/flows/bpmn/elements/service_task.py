"""The service task: a job for a worker; the task is done when the job is."""

from taskloom.flows.bpmn.elements.element_type import ElementType
from taskloom.flows.bpmn.elements.job_worker import activate_job, read_job

SERVICE_TASK = ElementType(
    tag="serviceTask",
    kind="SERVICE_TASK",
    read=read_job,
    activate=activate_job,
    extensions=frozenset({"taskDefinition", "taskHeaders", "ioMapping"}),
)
