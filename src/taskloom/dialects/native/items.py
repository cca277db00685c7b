"""Many items in one body: decoded at once, and as a rule held to strict JSON without a walk through each."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from taskloom.core.limits import BULK_ITEMS
from taskloom.core.payload import strict_error, text_error
from taskloom.dialects.operation import Refusal

Item_co = TypeVar("Item_co", bound=Struct, covariant=True)
_ITEMS: Final = frozenset({"items"})


class Body(Protocol[Item_co]):
    """A body with items."""

    @property
    def items(self) -> Sequence[Item_co]:
        """The items."""


class _Raws(Struct):
    items: Annotated[list[Raw], Meta(max_length=BULK_ITEMS)]


_RAWS: Final = msgspec.json.Decoder(_Raws)


def decoded(
    body: bytes, decode: Callable[[bytes], Body[Item_co]], opaque: str = "", walked: str = ""
) -> Sequence[Item_co] | Refusal:
    """The items of a body, or what is wrong with it.

    `opaque` is the member of an item that is only kept, `walked` one of any shape that is read: whoever
    has it is looked through token by token. The items' types must leave out their defaults when encoded.
    """
    wrong = text_error(body)
    if wrong is not None:
        return Refusal(400, "bad_json", wrong)
    try:
        found = decode(body)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    except msgspec.DecodeError as problem:
        return Refusal(400, "bad_json", str(problem))
    if not _is_plain(body, found, opaque, walked):
        wrong = _offence(body, frozenset({opaque}))
        if wrong is not None:
            return Refusal(400, "bad_json", wrong)
    return found.items


def _is_plain(body: bytes, found: Body[Item_co], opaque: str, walked: str) -> bool:
    """Whether it is certain that nothing is escaped or repeated outside of the opaque values.

    Encoded again, a body has no more quotation marks than it came with: opaque values are copied, and what
    stands at its default is left out. A repeated member came with at least two more, those of its name.
    """
    if walked and any(getattr(item, walked) is not UNSET for item in found.items):
        return False
    if b"\\" in body:
        kept = sum(_escapes(getattr(item, opaque, UNSET)) for item in found.items)
        if kept != body.count(b"\\"):
            return False
    return msgspec.json.encode(found).count(b'"') == body.count(b'"')


def _escapes(value: Raw | UnsetType) -> int:
    return 0 if value is UNSET else bytes(value).count(b"\\")


def _offence(body: bytes, opaque: frozenset[str]) -> str | None:
    """The first offence against strict JSON outside of the opaque members of the items."""
    wrong = strict_error(body, _ITEMS)
    if wrong is not None:
        return wrong
    for index, item in enumerate(_RAWS.decode(body).items):
        wrong = strict_error(bytes(item), opaque)
        if wrong is not None:
            return f"{wrong} - at `$.items[{index}]`"
    return None
