"""Keys: made, listed, revoked. A tenant's administrator sees and makes only the keys of that tenant."""

from typing import Final

import msgspec

from taskloom.core.access import EVERY_TENANT, scopes
from taskloom.core.credentials import KEY, ROOT, KeyRecord, digest_of, key_changes
from taskloom.core.payload import strict_error
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Rejection
from taskloom.dialects.native import wire
from taskloom.dialects.native.homes import home, named, page, refused
from taskloom.dialects.native.secrets import new_key_id, new_key_secret
from taskloom.dialects.operation import Refusal, Reply, Request, Response

_NEW_KEY: Final = msgspec.json.Decoder(wire.NewKey)
_KEY: Final = msgspec.json.Decoder(KeyRecord)
_ROOT_STAYS: Final = Refusal(409, "conflict", "the root key is not revoked but replaced: TASKLOOM_ROOT_KEY")
_CONFLICT: Final = Refusal(409, "conflict", "there is such a key already; revoke it first")


async def create(request: Request) -> Reply:
    """Make a key; the answer shows its secret, and nothing ever will again."""
    asked = _asked(request)
    if isinstance(asked, Refusal):
        return asked
    now = request.engine.clock.now_ms()
    expires_at = wire.milliseconds(asked.expires_at)
    if asked.expires_at is not None and expires_at <= now:
        return Refusal(400, "invalid", "expires_at is in the past")
    place = home(request, asked.tenant)
    if isinstance(place, Refusal):
        return place
    before = await request.engine.store.record(KEY, place, asked.name)
    replaced = None if before is None else _KEY.decode(before.body)
    if replaced is not None and not replaced.revoked_at:
        return _CONFLICT
    secret = new_key_secret()
    key = KeyRecord(
        name=asked.name,
        tenant=place,
        id=new_key_id(),
        digest=digest_of(secret),
        scopes=tuple(asked.scopes),
        worker=asked.worker,
        rate=asked.rate,
        created_at=now,
        created_by=request.principal.name,
        expires_at=expires_at,
    )
    version = 0 if before is None else before.version
    outcome = await request.engine.submit(PutRecords(key_changes(key, replaced, version)))
    if isinstance(outcome, Rejection):
        return refused(outcome)
    request.services.keys_changed()
    return Response(201, msgspec.json.encode(wire.key(key, secret)))


async def listing(request: Request) -> Reply:
    """The keys of the tenant by name, revoked ones too."""
    found = await page(request, KEY)
    if isinstance(found, Refusal):
        return found
    records, more = found
    keys = wire.Keys([wire.key(_KEY.decode(record.body)) for record in records], more)
    return Response(body=msgspec.json.encode(keys))


async def read(request: Request) -> Reply:
    """One key, without its secret."""
    record = await named(request, KEY)
    if isinstance(record, Refusal):
        return record
    return Response(body=msgspec.json.encode(wire.key(_KEY.decode(record.body))))


async def revoke(request: Request) -> Reply:
    """End a key for good; its record stays as a trace. To revoke it again changes nothing."""
    record = await named(request, KEY)
    if isinstance(record, Refusal):
        return record
    key = _KEY.decode(record.body)
    if key.tenant == EVERY_TENANT and key.name == ROOT:
        return _ROOT_STAYS
    if not key.revoked_at:
        ended = msgspec.structs.replace(key, revoked_at=request.engine.clock.now_ms())
        change = RecordChange(KEY, key.tenant, key.name, msgspec.json.encode(ended), record.version)
        outcome = await request.engine.submit(PutRecords((change,)))
        if isinstance(outcome, Rejection):
            return refused(outcome)
        request.services.keys_changed()
    return Response(204)


def _asked(request: Request) -> wire.NewKey | Refusal:
    error = strict_error(request.body)
    if error is not None:
        return Refusal(400, "bad_json", error)
    try:
        asked = _NEW_KEY.decode(request.body)
        scopes(asked.scopes)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    except ValueError as problem:
        return Refusal(400, "invalid", f"{problem} - at `$.scopes`")
    return asked
