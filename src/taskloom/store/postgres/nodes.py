"""Node numbers: each server leases one, so that no two make the same key."""

from typing import Any, Final

from taskloom.ports.store import UnavailableError

LEASE_MS: Final = 30_000


async def lease(connection: Any, owner: str, now: int) -> tuple[int, int]:
    """A number whose lease is over, and the last key recorded under it."""
    row = await connection.fetchrow(
        "UPDATE nodes SET owner = $1, until = $2 WHERE node ="
        " (SELECT node FROM nodes WHERE until <= $3 ORDER BY node LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING node, last_key",
        owner,
        now + LEASE_MS,
        now,
    )
    if row is None:
        raise UnavailableError("every node number is leased; 2048 servers are the most there can be")
    return int(row[0]), int(row[1])


async def keep(connection: Any, node: int, owner: str, now: int) -> bool:
    """Renew; False when the number has passed to another server."""
    row = await connection.fetchrow(
        "UPDATE nodes SET until = $3 WHERE node = $1 AND owner = $2 RETURNING node",
        node,
        owner,
        now + LEASE_MS,
    )
    return row is not None


async def give_back(connection: Any, owner: str) -> None:
    """The number is free for the next one."""
    await connection.execute("UPDATE nodes SET until = 0 WHERE owner = $1", owner)
