"""Between this wire and the core: keys, tenants, instants. Pure and, where both ways exist, reversible."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from taskloom.core.keys import KEY_LIMIT
from taskloom.dialects.operation import Refusal, Request
from taskloom.dialects.processes.problem import bad_request, invalid

DEFAULT_TENANT = "<default>"
DEFAULT_TENANT_INSIDE = "default"
TENANT_CHARS_MAX = 31
_TENANT = re.compile(r"[\w.\-]+")

_KEY = re.compile(r"-?[0-9]{1,25}")
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def key_text(key: int) -> str:
    """A key on the wire."""
    return str(key)


def optional_key(key: int) -> str | None:
    """A key on the wire where 0 stands for none."""
    return str(key) if key else None


def read_key(text: str) -> int | None:
    """The number of 64 bits a key spells, None when it spells none."""
    if not text.isascii() or not _KEY.fullmatch(text):
        return None
    number = int(text)
    return number if -KEY_LIMIT <= number < KEY_LIMIT else None


def path_key(request: Request, name: str) -> int | Refusal:
    """The key in the path."""
    text = request.parameters[name]
    key = read_key(text)
    return bad_request(f"Failed to convert '{name}' with value: '{text}'") if key is None else key


def body_key(field: str, text: str) -> int | Refusal:
    """A key in a body."""
    key = read_key(text)
    if key is not None:
        return key
    return invalid(
        f"The provided {field} '{text}' is not a valid key. Expected a numeric value. "
        "Did you pass an entity id instead of an entity key?"
    )


def tenant_text(tenant: str) -> str:
    """A tenant on the wire."""
    return DEFAULT_TENANT if tenant == DEFAULT_TENANT_INSIDE else tenant


def tenant_inside(text: str) -> str:
    """A tenant of the wire, as it is called inside."""
    return DEFAULT_TENANT_INSIDE if text == DEFAULT_TENANT else text


def acting_tenant(request: Request, named: str | None, asked: str) -> str | Refusal:
    """The tenant a call acts in. `<default>` is the caller's own: clients send it without being asked."""
    tenants = acting_tenants(request, (named,) if named else (), asked, is_list=False)
    return tenants if isinstance(tenants, Refusal) else tenants[0]


def acting_tenants(
    request: Request, named: Sequence[str], asked: str, *, is_list: bool = True
) -> tuple[str, ...] | Refusal:
    """The tenants a call acts in: those it names, else its own; an administrator may name several."""
    given = f"tenant identifiers [{', '.join(named)}]" if is_list else f"tenant identifier '{''.join(named)}'"
    expected = f"Expected to handle request {asked} with {given}, but "
    inside: dict[str, None] = {}
    for name in named:
        if name != DEFAULT_TENANT and len(name) > TENANT_CHARS_MAX:
            return invalid(f"{expected}tenant identifier is longer than {TENANT_CHARS_MAX} characters")
        if name != DEFAULT_TENANT and not _TENANT.fullmatch(name):
            return invalid(f"{expected}tenant identifier contains illegal characters")
        inside[request.tenant if name == DEFAULT_TENANT else name] = None
    if not inside:
        return (request.tenant,)
    if request.wall is not None and set(inside) != {request.wall}:
        return invalid(f"{expected}multi-tenancy is disabled")
    return tuple(inside)


def date_text(instant_ms: int) -> str:
    """An instant on the wire."""
    moment = datetime.fromtimestamp(instant_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant_ms % 1000:03d}Z"


def optional_date(instant_ms: int) -> str | None:
    """An instant on the wire where 0 stands for none."""
    return date_text(instant_ms) if instant_ms else None


def read_date(text: str) -> int | None:
    """The instant in milliseconds, None when the text is no date-time of RFC 3339."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return int(datetime.fromisoformat(text.upper()).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
