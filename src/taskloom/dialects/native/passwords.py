"""Passwords of people: hashed with argon2id, which takes time and memory on purpose.

It is done in threads, and few at a time, so that a crowd that signs in does not take all memory.
"""

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from taskloom.core.limits import PASSWORDS_AT_ONCE

_POOL: Final = ThreadPoolExecutor(PASSWORDS_AT_ONCE, thread_name_prefix="passwords")


async def hashed(password: str) -> str:
    """What is kept of a password."""
    kept: str = await _in_turn(_hasher().hash, password)
    return kept


async def matches(kept: str, password: str) -> bool:
    """Whether this is the password of which `kept` was kept."""
    errors: Any = importlib.import_module("argon2.exceptions")
    try:
        await _in_turn(_hasher().verify, kept, password)
    except (errors.VerifyMismatchError, errors.InvalidHashError):
        return False
    return True


async def _in_turn(function: Any, *arguments: str) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_POOL, function, *arguments)


def _hasher() -> Any:
    """Loaded when first used: most servers never hash a password."""
    return importlib.import_module("argon2").PasswordHasher()
