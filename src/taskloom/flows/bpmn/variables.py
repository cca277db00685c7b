"""Variables: JSON values kept as the bytes they came in, looked up along the tree of scopes.

Inner names hide outer ones. A value is parsed only where an expression reads it, so what nobody touches
leaves as it entered, byte for byte.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from taskloom.flows.bpmn.state import ElementInstance, Instance

RESULT_NAME = "result"

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def variables_of(payload: bytes) -> dict[str, bytes]:
    """The members of a JSON object; nothing and null are no variables, any other value is `result`.

    Workers of other dialects may finish a job with a text or a list: it arrives under that name.
    """
    start = payload.lstrip()[:1]
    if start == b"{":
        try:
            return {name: bytes(value).strip() for name, value in _decode_object(payload).items()}
        except msgspec.DecodeError:  # half a surrogate pair: JSON that cannot be taken apart
            return {RESULT_NAME: payload.strip()}
    if not start or payload.strip() == b"null":
        return {}
    return {RESULT_NAME: payload.strip()}


def as_object(variables: Mapping[str, bytes]) -> bytes:
    """The JSON object with these members, each value as it stands."""
    return msgspec.json.encode({name: msgspec.Raw(value) for name, value in variables.items()})


def scopes_outward(scopes: Mapping[int, ElementInstance], key: int) -> Iterator[ElementInstance]:
    """The scope of that key and those around it, innermost first."""
    scope = scopes.get(key)
    while scope is not None:
        yield scope
        scope = scopes.get(scope.scope)


class Seen:
    """What an element instance sees, looked up by name; names put into it hide all others.

    It also holds what else an expression needs: the time, and where it accounts for its steps.
    """

    __slots__ = ("_key", "_own", "_scopes", "now_ms", "spend")

    def __init__(
        self,
        scopes: Mapping[int, ElementInstance],
        key: int,
        now_ms: int,
        spend: Callable[[int], None],
    ) -> None:
        self._scopes = scopes
        self._key = key
        self._own: dict[str, bytes] = {}
        self.now_ms = now_ms
        self.spend = spend

    def get(self, name: str) -> bytes | None:
        """The JSON of the nearest variable of that name."""
        own = self._own.get(name)
        if own is not None:
            return own
        for scope in scopes_outward(self._scopes, self._key):
            value = scope.variables.get(name)
            if value is not None:
                return value
        return None

    def names(self) -> frozenset[str]:
        """Every name that means something."""
        return frozenset(visible(self._scopes, self._key)) | self._own.keys()

    def put(self, name: str, value: bytes) -> None:
        """Let a name mean this value from now on, here only."""
        self._own[name] = value


def visible(scopes: Mapping[int, ElementInstance], key: int) -> dict[str, bytes]:
    """Every variable that an element instance sees."""
    around = [scope.variables for scope in scopes_outward(scopes, key) if scope.variables]
    if len(around) == 1:
        return dict(around[0])
    merged: dict[str, bytes] = {}
    for variables in reversed(around):
        merged.update(variables)
    return merged


def render(instance: Instance, element_instance: int, names: Sequence[str] = ()) -> bytes:
    """What a job's worker sees now: all visible variables, or those of the given names that exist."""
    seen = visible(instance.scopes, element_instance)
    if names:
        seen = {name: seen[name] for name in names if name in seen}
    return as_object(seen)
