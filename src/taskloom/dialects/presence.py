"""Waiting on behalf of a caller, and no longer than the caller does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from taskloom.dialects.operation import Request

Answer = TypeVar("Answer")


async def while_present(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """What `work` gives; cancelled, and None, when the caller goes away first."""
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _until_gone(request: Request) -> None:
    await request.disconnected()
