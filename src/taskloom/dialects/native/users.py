"""People: added, listed, removed, given another password; a tenant has its own."""

from typing import Final

import msgspec

from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Rejection
from taskloom.core.users import USER, UserRecord
from taskloom.dialects.native import wire
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.homes import home, named, page, refused
from taskloom.dialects.native.passwords import hashed
from taskloom.dialects.operation import Refusal, Reply, Request, Response

_USER: Final = msgspec.json.Decoder(UserRecord)
_CONFLICT: Final = Refusal(409, "conflict", "there is such a user already")


async def create(request: Request) -> Reply:
    """Add a user."""
    asked = body_as(wire.NewUser, request.body)
    if isinstance(asked, Refusal):
        return asked
    place = home(request, asked.tenant)
    if isinstance(place, Refusal):
        return place
    if await request.engine.store.record(USER, place, asked.name) is not None:
        return _CONFLICT
    now = request.engine.clock.now_ms()
    user = UserRecord(
        name=asked.name,
        tenant=place,
        role=asked.role,
        password=await hashed(asked.password),
        created_at=now,
        created_by=request.principal.name,
        password_at=now,
    )
    kept = await _put(request, user, 0)
    return kept or Response(201, msgspec.json.encode(wire.user(user)))


async def listing(request: Request) -> Reply:
    """The users of the tenant by name."""
    found = await page(request, USER)
    if isinstance(found, Refusal):
        return found
    records, more = found
    users = wire.Users([wire.user(_USER.decode(record.body)) for record in records], more)
    return Response(body=msgspec.json.encode(users))


async def remove(request: Request) -> Reply:
    """Forget a user."""
    record = await named(request, USER)
    if isinstance(record, Refusal):
        return record
    change = RecordChange(USER, record.tenant, record.name, None, record.version)
    outcome = await request.engine.submit(PutRecords((change,)))
    return refused(outcome) if isinstance(outcome, Rejection) else Response(204)


async def set_password(request: Request) -> Reply:
    """Give a user another password."""
    asked = body_as(wire.NewPassword, request.body)
    if isinstance(asked, Refusal):
        return asked
    record = await named(request, USER)
    if isinstance(record, Refusal):
        return record
    user = msgspec.structs.replace(
        _USER.decode(record.body),
        password=await hashed(asked.password),
        password_at=request.engine.clock.now_ms(),
    )
    kept = await _put(request, user, record.version)
    return kept or Response(204)


async def _put(request: Request, user: UserRecord, version: int) -> Refusal | None:
    change = RecordChange(USER, user.tenant, user.name, msgspec.json.encode(user), version)
    outcome = await request.engine.submit(PutRecords((change,)))
    return refused(outcome) if isinstance(outcome, Rejection) else None
