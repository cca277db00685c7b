"""`Prefer: extended`: what the public shape leaves out, gathered for one document."""

import asyncio

from taskloom.dialects.documents.lookup import schema_of
from taskloom.dialects.documents.translate import Extended
from taskloom.dialects.operation import Request
from taskloom.flows.document.judgement import issues_of
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.state import Document, Status


def is_extended(request: Request) -> bool:
    """Whether the caller asks for more than the public shape."""
    return "extended" in request.headers.get("prefer", "").lower().replace(" ", "").split(",")


async def extended_of(request: Request, document: Document) -> Extended:
    """All that is shown of a document, who holds its review included."""
    schema = await schema_of(request, document.schema_key)
    task = await request.engine.store.task(document.task) if document.task else None
    extended = await asyncio.to_thread(judged, document, schema, request.engine.clock.now_ms())
    return Extended(schema, extended.issues, task)


def judged(document: Document, schema: Schema, now_ms: int) -> Extended:
    """A document in review with what is wrong with it; elsewhere nothing is asked."""
    is_in_review = document.status is Status.REVIEWING
    return Extended(schema, issues_of(document, schema, now_ms) if is_in_review else ())
