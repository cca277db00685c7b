"""What keys and users have in common: records that live in a tenant, or in all of them."""

from taskloom.core.access import EVERY_TENANT
from taskloom.core.limits import NAME_LENGTH
from taskloom.core.records import Record
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Request

PAGE = 100

_NO_TENANT = Refusal(404, "not_found", "there is no such tenant")


def home(request: Request, asked: str) -> str | Refusal:
    """The tenant that is meant: the one the call acts in, or with `*` what lives in every tenant."""
    if asked == EVERY_TENANT and request.principal.tenant == EVERY_TENANT:
        return EVERY_TENANT
    return request.tenant if asked in {"", request.tenant} else _NO_TENANT


async def page(request: Request, kind: str) -> tuple[list[Record], str | None] | Refusal:
    """The records of a kind that the query string asks for, and the name after which more would come."""
    place = home(request, _asked(request, "tenant"))
    if isinstance(place, Refusal):
        return place
    after = _asked(request, "after")[:NAME_LENGTH]
    records = await request.engine.store.records(kind, place, after, PAGE + 1)
    return records[:PAGE], records[PAGE - 1].name if len(records) > PAGE else None


async def named(request: Request, kind: str) -> Record | Refusal:
    """The record of a kind that path and query string name."""
    place = home(request, _asked(request, "tenant"))
    if isinstance(place, Refusal):
        return place
    record = await request.engine.store.record(kind, place, request.parameters["name"])
    return Refusal(404, "not_found", f"there is no such {kind}") if record is None else record


def refused(rejection: Rejection) -> Refusal:
    """Somebody else was faster, or the store cannot write."""
    if rejection.kind is Kind.VERSION_CONFLICT:
        return Refusal(409, "conflict", "it was changed at the same time")
    return Refusal(503, "overloaded", rejection.detail, retry_after_s=1)


def _asked(request: Request, name: str) -> str:
    return request.query.get(name, [""])[-1]
