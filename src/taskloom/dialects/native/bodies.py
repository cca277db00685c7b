"""A body of one object: strict JSON, of the type that is wanted."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from taskloom.core.payload import strict_error
from taskloom.dialects.operation import Refusal

Asked = TypeVar("Asked", bound=Struct)


def body_as(kind: type[Asked], body: bytes) -> Asked | Refusal:
    """What the body says, or what is wrong with it."""
    wrong = strict_error(body)
    if wrong is not None:
        return Refusal(400, "bad_json", wrong)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
