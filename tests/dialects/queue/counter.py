"""Calls of workers, each compared with what the model says."""

from tests.dialects.queue.callers import EVERYWHERE, TENANTS, Callers
from tests.dialects.queue.model import HOPELESS


class Counter(Callers):
    """Where callers put tasks and workers take them."""

    async def take_all(self, lease_s):
        """Workers take all there is."""
        for tenant in TENANTS:
            await self.take(tenant, EVERYWHERE, lease_s=lease_s)

    async def take(self, tenant, places, *, lease_s, size=100, strategy="fifo", losses_max=None):
        names = [f"{queue}:{level}" for queue, level in places]
        options = {} if losses_max is None else {"process_max_retries": losses_max}
        answer = await self.desks[tenant].post_take(
            *names, size=size, strategy=strategy, process_timeout=lease_s, **options
        )
        taken = [shown for shown_of in answer.json().values() for shown in shown_of]
        mine = [task for task in self.known if task.tenant == tenant and task.place in places]
        may = [task for task in mine if task.status == "waiting" and task.ready[0] <= self.now]
        must = [task for task in may if task.ready[1] <= self.now]
        if strategy == "sequential":
            busy = {task.place for task in mine if task.status == "queued"}
            least, most = (len({task.place for task in some} - busy) for some in (must, may))
        else:
            least, most = min(size, len(must)), min(size, len(may))
        assert least <= len(taken) <= most, (least, taken, most)
        for shown in taken:
            task = self._shown(may, shown)
            assert shown["data"] == task.put["data"]
            assert shown["attempt"] == len(task.leases) + 1
            assert shown["lease_id"] not in task.leases
            task.id = shown["task_id"]
            task.taken(shown["lease_id"], self.now, 1000 * lease_s, losses_max)
            may.remove(task)

    @staticmethod
    def _shown(tasks, shown):
        """The one of these tasks that was handed out: by its id, where that is known, else by its trace."""
        by_id = [task for task in tasks if task.id == shown["task_id"]]
        (task,) = by_id or [
            task for task in tasks if not task.id and task.put["trace_id"] == shown["trace_id"]
        ]
        return task

    async def complete(self, task, which, status, result):
        shown, opens = task.lease(which)
        sent = {"status_code": status, "body": {"result": result}, **shown}
        answer = await self.post(task, "complete", **sent)
        if task.is_open and opens:
            assert (answer.status, answer.json()) == (200, task.id)
            task.end("succeeded" if status == 200 else "failed", sent)
        else:
            assert answer.status == (200 if task.sent == sent else 409), answer.body

    async def fail(self, task, which, code):
        shown, opens = task.lease(which)
        answer = await self.post(task, "fail", code=code, **shown)
        if not (task.is_open and opens):
            is_repeat = task.status == "failed" and task.failed_with == code
            assert answer.status == (200 if is_repeat else 409)
            return
        task.fail(self.now, code)
        low, high = task.ready if task.is_open else (0, 0)
        told = answer.json()
        assert (told["status"], told["attempt"]) == (task.status, len(task.leases))
        assert low <= told["retry_at"] <= high
        assert told["retries_left"] == task.left

    async def release(self, task, which, pause_s):
        shown, opens = task.lease(which)
        answer = await self.post(task, "release", retry_after=pause_s, **shown)
        if task.status == "queued" and opens:
            assert answer.status == 200
            task.release(self.now, 1000 * pause_s)
        else:
            assert answer.status == 409

    async def heartbeat(self, task, which, seconds):
        shown, opens = task.lease(which)
        answer = await self.post(task, "heartbeat", extend_seconds=seconds, **shown)
        if task.status != "queued" or not opens:
            _is_refused(task, answer)
            return
        assert (answer.status, answer.json()) == (200, {"cancelled": False})
        task.lease_until = self.now + 1000 * seconds

    async def tell(self, task, which, words):
        """Progress, numbered by its words: one not above the last is taken for a repeat."""
        for word in words:
            shown, opens = task.lease(which)
            answer = await self.post(task, "progress", event_id=word, event_data=word, **shown)
            if not (task.is_open and opens):
                _is_refused(task, answer)
                return
            broken = task.tell(word, word)
            assert (answer.status, answer.json()) == (200, {"cancelled": broken})

    async def try_all(self, task, which):
        """All that a worker may do, the harmless things first."""
        await self.heartbeat(task, which, 900)
        await self.tell(task, which, [1])
        await self.release(task, which, 0)
        await self.fail(task, which, HOPELESS)
        await self.complete(task, which, 200, 1)

    async def finish(self):
        """What is still open ends, and everybody was told of everything (C6, C8)."""
        await self.pass_time(86_402)
        await self.take_all(600)
        for task in self.named():
            if task.is_open:
                await self.complete(task, "current", 200, 0)
        await self.compare()
        assert not [task.number for task in self.known if task.is_open or task.pending]
        await self.told()


def _is_refused(task, answer):
    """Whoever works on what nobody wants any longer is told to stop; anybody else has no say."""
    over = not task.is_open and task.status != "succeeded"
    assert answer.status == (200 if over else 409)
    assert not over or answer.json() == {"cancelled": True}
