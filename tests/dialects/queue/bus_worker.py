"""A worker as the original's SDK behaves: takes over HTTP, answers over the event bus."""

import json
import time

from redis.asyncio import Redis

WINDOW_MS = 30 * 60_000


class BusWorker:
    """One key's worker: asks for the event bus once, then writes to the stream each task names."""

    def __init__(self, desk):
        self.desk = desk
        self.topic = self.url = ""
        self.redis = None

    async def open(self):
        answer = await self.desk.client.get("/v1/queue/eventbus")
        assert answer.status == 200, answer.body
        place = answer.json()
        self.topic, self.url = place["topic"], place["url"]
        self.redis = Redis.from_url(place["url"])
        return self

    async def close(self):
        await self.redis.aclose()

    async def take(self, *queues):
        return await self.desk.taken(*queues)

    async def add(self, task, name, payload, *, topic=None):
        """One entry, as the SDK writes it: trimmed to half an hour, all values texts."""
        now_ms = int(time.time() * 1000)
        fields = {
            "name": name,
            "from": "127.0.0.1:9000",
            "payload": payload if isinstance(payload, str | bytes) else json.dumps(payload),
            "context": "",
            "timestamp": str(now_ms),
        }
        stream = (topic or self.topic) + task["instance_id"]
        return await self.redis.xadd(stream, fields, minid=now_ms - WINDOW_MS, approximate=False)

    async def progress(self, task, number, data, name="message"):
        told = {"taskId": task["task_id"], "eventId": number, "eventName": name, "eventData": data}
        return await self.add(task, "task-progress-event", told)

    async def complete(self, task, **result):
        return await self.add(
            task,
            "task-completion-event",
            {"taskId": task["task_id"], **({"result": result} if result else {})},
        )
