"""Waiting on behalf of a caller, and no longer than the caller does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from taskloom.dialects.operation import Request

Answer = TypeVar("Answer")


async def while_present(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """What `work` gives; cancelled, and None, when the caller goes away first."""
    # The work runs in the caller's own task, as under a timeout, so that its answer leaves without a detour.
    own = asyncio.current_task()
    assert own is not None
    cancelled_before = own.cancelling()
    is_gone = is_over = False

    def leave(_: object) -> None:
        nonlocal is_gone
        if not is_over:
            is_gone = True
            own.cancel()

    watch = asyncio.create_task(_until_gone(request))
    watch.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        if is_gone and own.uncancel() <= cancelled_before:
            return None
        raise
    finally:
        is_over = True
        watch.cancel()


async def _until_gone(request: Request) -> None:
    await request.disconnected()
