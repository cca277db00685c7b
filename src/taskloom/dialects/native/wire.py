"""The shapes of the native API. Instants are RFC 3339 in UTC; unknown members are refused."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from taskloom.core.credentials import KeyRecord
from taskloom.core.limits import (
    KEY_SCOPES,
    NAME_LENGTH,
    PASSWORD_LENGTH_MAX,
    PASSWORD_LENGTH_MIN,
    RATE_MAX,
    WORKER_NAME_LENGTH,
)
from taskloom.core.users import UserRecord

KeyName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._@+-]*$(?!\n)", max_length=NAME_LENGTH)]

Password = Annotated[str, Meta(min_length=PASSWORD_LENGTH_MIN, max_length=PASSWORD_LENGTH_MAX)]
Role = Literal["viewer", "reviewer", "operator", "admin"]


class NewKey(Struct, forbid_unknown_fields=True):
    """A key to be made. `rate` is calls a minute and operation: absent the default, 0 unlimited."""

    name: KeyName
    scopes: Annotated[list[str], Meta(min_length=1, max_length=KEY_SCOPES)]
    tenant: Literal["", "*"] = ""
    """`*` makes a key for every tenant, which only an administrator of all may do."""
    worker: Annotated[str, Meta(max_length=WORKER_NAME_LENGTH)] = ""
    """The only worker it may act as."""
    rate: Annotated[int, Meta(ge=0, le=RATE_MAX)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class Key(Struct):
    """A key, without its secret."""

    name: str
    tenant: str
    scopes: list[str]
    worker: str
    rate: int | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    secret: str | UnsetType = UNSET
    """Only in the answer that made it."""


class Keys(Struct):
    """A page of keys; `next` is what `after` must be to see more, null at the end."""

    items: list[Key]
    next: str | None


class NewUser(Struct, forbid_unknown_fields=True):
    """A user to be added."""

    name: KeyName
    password: Password
    role: Role
    tenant: Literal["", "*"] = ""
    """`*` makes a user for every tenant, which only an administrator of all may do."""


class NewPassword(Struct, forbid_unknown_fields=True):
    """Another password."""

    password: Password


class User(Struct):
    """A user, without the password."""

    name: str
    tenant: str
    role: str
    created_at: datetime | None
    created_by: str
    password_at: datetime | None


class Users(Struct):
    """A page of users."""

    items: list[User]
    next: str | None


class Tenant(Struct):
    """A tenant; its record is made when it is first used."""

    name: str
    created_at: datetime
    partial_validation: bool
    bella_batch_times: str


class Tenants(Struct):
    """A page of tenants."""

    items: list[Tenant]
    next: str | None


class Me(Struct):
    """Who calls."""

    name: str
    tenant: str
    """`*` for the administrator, who acts in every tenant."""
    acts_in: str
    """The tenant this very call would act in."""
    scopes: list[str]
    worker: str
    expires_at: datetime | None


class CallbackSecrets(Struct):
    """What callbacks are signed with, the newest first, as receivers configure it."""

    secrets: list[str]


class Frozen(Struct):
    """The stored files are held still until then."""

    id: str
    until: datetime


class Problem(Struct):
    """A refusal, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str


def instant(milliseconds: int) -> datetime | None:
    """An instant as the wire has it; None where there is none."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def milliseconds(instant: datetime | None) -> int:
    """The inverse of `instant`."""
    return 0 if instant is None else int(instant.timestamp() * 1000)


def key(record: KeyRecord, secret: str | UnsetType = UNSET) -> Key:
    """A stored key as the wire shows it."""
    return Key(
        name=record.name,
        tenant=record.tenant,
        scopes=sorted(record.scopes),
        worker=record.worker,
        rate=record.rate,
        created_at=datetime.fromtimestamp(record.created_at / 1000, UTC),
        created_by=record.created_by,
        expires_at=instant(record.expires_at),
        revoked_at=instant(record.revoked_at),
        secret=secret,
    )


def user(record: UserRecord) -> User:
    """A stored user as the wire shows it."""
    return User(
        record.name,
        record.tenant,
        record.role,
        instant(record.created_at),
        record.created_by,
        instant(record.password_at),
    )
