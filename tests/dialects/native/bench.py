"""What the tests of bulk operations do all the time, over HTTP."""

STORES = ("sqlite", "memory", "postgres")
QUEUE = "bulk"


class Bench:
    """One key at one server."""

    def __init__(self, server, key):
        self.server = server
        self.client = server.client(key)

    async def other(self, name, **fields):
        """The same, with another key."""
        return Bench(self.server, await self.server.key(name, **fields))

    async def post(self, action, items=None, *, body=None, headers=None, **fields):
        path = f"/api/v1/tasks{action}"
        sent = None if body is not None else fields if items is None else {"items": items}
        return await self.client.post(path, sent, body=body, headers=headers)

    async def outcomes(self, action, items):
        answer = await self.post(action, items)
        assert answer.status == 200, answer.body
        return answer.json()["items"]

    async def made(self, count=1, **fields):
        """The keys of new tasks."""
        items = [{"queue": QUEUE, "input": {"n": number}, **fields} for number in range(count)]
        return [item["key"] for item in await self.outcomes("", items)]

    async def claimed(self, size=1, **fields):
        """The tasks handed out."""
        answer = await self.post("/claim", **{"queues": [{"queue": QUEUE}], "size": size, **fields})
        assert answer.status == 200, answer.body
        return answer.json()["items"]

    async def taken(self, count=1, **fields):
        """New tasks, handed out."""
        await self.made(count)
        return await self.claimed(count, **fields)

    async def complete(self, *items):
        return await self.outcomes("/complete", list(items))

    async def fail(self, *items):
        return await self.outcomes("/fail", list(items))

    async def get(self, key):
        answer = await self.client.get(f"/api/v1/tasks/{key}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def lose_lease(self, seconds=600):
        """Time passes until the lease has run out."""
        self.server.clock.advance(seconds=seconds + 1)
        await self.server.engine.sweep()


def done(task, result=None, **more):
    """A completion that shows the lease token."""
    return {"key": task["key"], "lease_token": task["lease_token"], "result": result, **more}


def codes(outcomes):
    """Status or error of each."""
    return [item.get("status") or item["error"]["code"] for item in outcomes]
