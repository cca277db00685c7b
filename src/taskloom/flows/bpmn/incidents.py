"""Resolving incidents."""

from taskloom.flows.bpmn.effects import ResumeJob
from taskloom.flows.bpmn.run import Run
from taskloom.flows.bpmn.state import Continue
from taskloom.flows.bpmn.triggers import Reason, Refused, ResolveIncident


def resolve(run: Run, trigger: ResolveIncident) -> Refused | None:
    """A job's incident needs retries first and offers the job again; any other repeats the failed step."""
    incident = run.incidents.get(trigger.incident)
    if incident is None:
        return Refused(Reason.INCIDENT_UNKNOWN, trigger.incident)
    if incident.job and run.jobs[incident.job].retries <= 0:
        return Refused(Reason.JOB_WITHOUT_RETRIES, incident.job)
    run.close_incident(incident)
    if incident.job:
        run.effects.append(ResumeJob(incident.job))
    else:
        run.moves.append(Continue(incident.element_instance))
    return None
