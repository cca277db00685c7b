"""What keys and users have in common: they live in a tenant, or for the administrator in all of them."""

from taskloom.core.access import EVERY_TENANT
from taskloom.core.limits import NAME_LENGTH
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Request

PAGE = 100

_NO_TENANT = Refusal(404, "not_found", "there is no such tenant")


def home(request: Request, asked: str) -> str | Refusal:
    """The tenant that is meant: the one the call acts in, or with `*` what lives in every tenant."""
    if asked == EVERY_TENANT and request.principal.tenant == EVERY_TENANT:
        return EVERY_TENANT
    return request.tenant if asked in {"", request.tenant} else _NO_TENANT


def asked_tenant(request: Request) -> str:
    """The tenant the query string names, "" for none."""
    return request.query.get("tenant", [""])[-1]


def after(request: Request) -> str:
    """The name after which a page begins."""
    return request.query.get("after", [""])[-1][:NAME_LENGTH]


def refused(rejection: Rejection) -> Refusal:
    """Somebody else was faster, or the store cannot write."""
    if rejection.kind is Kind.VERSION_CONFLICT:
        return Refusal(409, "conflict", "it was changed at the same time")
    return Refusal(503, "overloaded", rejection.detail, retry_after_s=1)
