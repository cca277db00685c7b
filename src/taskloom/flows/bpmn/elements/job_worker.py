"""What all job-based elements share: a type, retries and headers, and the job made of them."""

from taskloom.core.limits import QUEUE_NAME_LENGTH, RETRIES_MAX
from taskloom.core.xmltree import Element as Node
from taskloom.flows.bpmn.expression import Expression, Static, extract_integer, extract_text
from taskloom.flows.bpmn.model import Details, JobDefinition
from taskloom.flows.bpmn.problems import quoted
from taskloom.flows.bpmn.reading import ZEEBE, Reading, read_empty
from taskloom.flows.bpmn.run import Activation, Failure, Run
from taskloom.flows.bpmn.state import IncidentKind

RETRIES_DEFAULT = "3"


def read_job(reading: Reading) -> Details:
    """The job definition of an element; exactly one is needed."""
    definition = reading.extension("taskDefinition")
    if definition is None:
        reading.refuse("Must have exactly one 'zeebe:taskDefinition' extension element")
        return Details()
    text = reading.attribute(definition, "type", chars_max=QUEUE_NAME_LENGTH)
    job_type = reading.expression(text, definition)
    return Details(
        job=JobDefinition(job_type, _read_retries(reading, definition), _read_headers(reading)),
    )


def activate_job(run: Run, key: int) -> Activation:
    """Create the job and wait for it."""
    job = run.element(run.scopes[key]).details.job
    assert job is not None
    seen = run.seen(key)
    job_type = extract_text(job.type, seen)
    if not isinstance(job_type, str):
        return Failure(IncidentKind.EXTRACT_VALUE_ERROR, job_type.message)
    if not 0 < len(job_type) <= QUEUE_NAME_LENGTH:
        text = (
            f"Expected the job type to have 1 to {QUEUE_NAME_LENGTH} characters, but it has {len(job_type)}"
        )
        return Failure(IncidentKind.EXTRACT_VALUE_ERROR, text)
    retries = extract_integer(job.retries, seen)
    if not isinstance(retries, int):
        return Failure(IncidentKind.EXTRACT_VALUE_ERROR, retries.message)
    if not 0 <= retries <= RETRIES_MAX:
        text = f"Expected the retries to be from 0 to {RETRIES_MAX}, but they are {quoted(str(retries))}"
        return Failure(IncidentKind.EXTRACT_VALUE_ERROR, text)
    run.create_job(key, job_type, retries, job.headers)
    return "waits"


def _read_retries(reading: Reading, definition: Node) -> Expression:
    """An empty attribute says as little as an absent one."""
    text = (definition.get("retries") or "").strip() or RETRIES_DEFAULT
    expression = reading.expression(text, definition)
    if isinstance(expression, Static) and not _is_count(text):
        reading.refuse(
            f"The retries must be a number from 0 to {RETRIES_MAX}, but are '{quoted(text)}'", definition
        )
        return read_empty()
    return expression


def _is_count(text: str) -> bool:
    return (
        text.isascii() and text.isdigit() and len(text) <= len(str(RETRIES_MAX)) and int(text) <= RETRIES_MAX
    )


def _read_headers(reading: Reading) -> dict[str, str]:
    """Headers with an empty key or value are dropped."""
    holder = reading.extension("taskHeaders")
    if holder is not None:
        reading.refuse_children(holder, but=("header",))
    headers: dict[str, str] = {}
    for node in holder.all("header", ZEEBE) if holder is not None else ():
        key, value = node.get("key") or "", node.get("value") or ""
        if key in headers:
            reading.refuse(f"The header '{quoted(key)}' is given twice", node)
        if key and value:
            headers[key] = value
    return headers
