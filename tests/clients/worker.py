"""A worker of the queue dialect that answers what the real clients ask."""


class Worker:
    """Takes one task after another and does with each what it is told."""

    def __init__(self, client, queue):
        self._client = client
        self._queue = queue

    def post(self, path, body):
        return self._client.post(f"/queue/{path}", cast_to=object, body=body)

    def take(self):
        queues = [f"{self._queue}:0", f"{self._queue}:1"]
        taken = self.post("take", {"queues": queues, "wait_seconds": 10})
        ((task,),) = taken.values()
        return task

    def complete(self, task, status, body):
        envelope = {"status_code": status, "request_id": task["task_id"], "body": body}
        return self.post(f"{task['task_id']}/complete", {**envelope, "lease_id": task["lease_id"]})

    def answer(self, status, body):
        task = self.take()
        self.complete(task, status, body)
        return task

    def tell(self, task, number, data):
        told = {"event_id": number, "event_name": "message", "event_data": data}
        return self.post(f"{task['task_id']}/progress", {**told, "lease_id": task["lease_id"]})

    def stream(self, *events, status=200, body=None):
        task = self.take()
        for number, data in enumerate(events):
            self.tell(task, number, data)
        self.complete(task, status, body or {})
        return task
