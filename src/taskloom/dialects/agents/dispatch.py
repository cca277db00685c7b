"""From a call to its answer: method, scope, rate, params, handler, result. The same for JSON-RPC and REST.

Members of a batch run side by side, each a transaction of its own; a fault in one is its own answer.
"""

import asyncio
import logging
from typing import Final

import msgspec

from taskloom.core.payload import strict_error
from taskloom.dialects.agents import errors, rpc
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.method import Context, Method, Methods, shared
from taskloom.dialects.operation import Request
from taskloom.engine.waiting import TooManyWaitersError
from taskloom.ports.store import UnavailableError

log = logging.getLogger(__name__)

_json: Final = msgspec.json.Encoder()
_OPAQUE: Final = frozenset({"result"})
"""What workers hand in is kept byte for byte; all other params are read."""


class Dispatcher:
    """Calls methods by name."""

    def __init__(self, methods: Methods) -> None:
        self.methods = methods

    async def answer(self, request: Request, call: rpc.Call | rpc.Failed) -> bytes | None:
        """The answer to one call; None for a notification, whatever became of it."""
        if isinstance(call, rpc.Failed):
            return rpc.failure(call.error, call.id)
        outcome = await self.call(request, call.method, call.params)
        if isinstance(outcome, RpcError):
            original = shared(request.services).original
            error = errors.in_the_original_way(outcome) if original else outcome
            if call.id is None:
                return rpc.failure(error, rpc.NULL) if original else None
            return rpc.failure(error, call.id)
        return None if call.id is None else rpc.result(outcome, call.id)

    async def answers(self, request: Request, batch: rpc.Batch) -> list[bytes]:
        """The answers to a batch, without those that are not given."""
        answers = await asyncio.gather(*(self.answer(request, member) for member in batch.members))
        return [answer for answer in answers if answer is not None]

    async def call(self, request: Request, name: str, params: bytes) -> bytes | RpcError:
        """The encoded result, or why there is none. Never raises for what a caller can cause."""
        method = self.methods.get(name)
        if method is None:
            return errors.method_not_found(name)
        context = Context(request, shared(request.services))
        refusal = _admit(context, method)
        if refusal is not None:
            return refusal
        unfit = strict_error(params, _OPAQUE)
        if unfit is not None:
            return errors.invalid_params(unfit)
        try:
            decoded = _params(method, params)
        except msgspec.DecodeError as error:
            return errors.invalid_params(str(error))
        return await _run(context, method, decoded)


def _admit(context: Context, method: Method) -> RpcError | None:
    """Whether this key may call the method, and may call it now."""
    principal = context.principal
    if not principal.may(method.scope):
        return errors.forbidden(f"The key has not the scope {method.scope}", scope=method.scope)
    rate = method.rate if principal.rate is None else principal.rate
    if rate <= 0:
        return None
    slot = (principal.tenant, principal.name, method.name)
    grant = context.shared.limiter.take(slot, rate, context.engine.clock.monotonic_ms())
    return None if grant.allowed else errors.rate_limited(grant)


def _params(method: Method, params: bytes) -> object:
    """The params of a method; an array fits only where there is nothing to give."""
    if params[:1] == b"[" and not method.params.__struct_fields__ and not msgspec.json.decode(params):
        params = rpc.NO_PARAMS
    return method.decoder.decode(params)


async def _run(context: Context, method: Method, params: object) -> bytes | RpcError:
    """Let the handler work. Whatever it raises, and a result of the wrong shape, is a fault of ours."""
    try:
        result = await method.handler(context, params)
        if isinstance(result, RpcError):
            return result
        if type(result) is not method.result:
            raise TypeError(f"{method.name} gave {type(result).__name__}")  # noqa: TRY301  handled like any fault
        return _json.encode(result)
    except (UnavailableError, TooManyWaitersError):
        return errors.overloaded()
    except Exception:
        log.exception("%s failed", method.name, extra={"request_id": context.request.request_id})
        return errors.internal()
