"""The documents dialect: its operations, and what it brings to the server."""

from collections.abc import Sequence

from taskloom.dialects import references
from taskloom.dialects.documents import routes_project, routes_review, routes_task, routes_upload
from taskloom.dialects.documents.errors import render
from taskloom.dialects.documents.runner import StepRunner
from taskloom.dialects.documents.step_work import StepWork
from taskloom.dialects.operation import Dialect, Services
from taskloom.flows.document.commands import DOCUMENT
from taskloom.flows.document.flow import DocumentFlow
from taskloom.flows.document.upload_flow import UploadFlow
from taskloom.views.documents import DOCUMENTS, project_document

RUNNER = "documents.runner"

OPERATIONS = (
    *routes_project.OPERATIONS,
    *routes_upload.OPERATIONS,
    *routes_task.OPERATIONS,
    *routes_review.OPERATIONS,
)


def owns(path: str) -> bool:
    """Paths of a team's projects and uploads; the rest below `/v2` belongs to others."""
    parts = path.split("/")
    return len(parts) > 3 and parts[1] == "v2" and parts[3] in {"project", "upload"}


async def start(services: Services) -> None:
    """Begin to work on steps."""
    resources = services.resources
    runner = StepRunner(services.engine, StepWork(resources["blobs"], services.settings["data"]))
    resources[RUNNER] = runner
    await runner.start()


async def stop(services: Services) -> None:
    """End the work on steps."""
    runner: StepRunner = services.resources[RUNNER]
    await runner.stop()


async def referred(services: Services, blobs: Sequence[str]) -> set[str]:
    """Those of the blobs that are the file of a document."""
    return await references.referred(services.engine, DOCUMENTS, "blob", blobs)


DIALECT = Dialect(
    name="documents",
    operations=OPERATIONS,
    render=render,
    owns=owns,
    flows=(UploadFlow(), DocumentFlow()),
    views=(DOCUMENTS,),
    projections={DOCUMENT: project_document},
    refers=referred,
    start=start,
    stop=stop,
)
