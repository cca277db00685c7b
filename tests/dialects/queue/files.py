"""Files and batches in tests: forms as `openai` clients send them, and the files that a batch ends with."""

import json

BOUNDARY = "----batch-test"


def form(content, *, purpose="batch", name="rows.jsonl", **fields):
    """The body of an upload, its parts in the order in which the client sends them."""
    parts = [("purpose", purpose), *fields.items()] if purpose is not None else list(fields.items())
    text = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in parts
    )
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    return text.encode() + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def row(number, *, model="m", url="/v1/embeddings", **changes):
    """A request of a batch."""
    asked = {"custom_id": f"r-{number}", "method": "POST", "url": url}
    return {**asked, "body": {"model": model, "input": f"text {number}"}, **changes}


def jsonl(rows):
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


class Batches:
    """A desk that brings files and makes batches."""

    def __init__(self, desk):
        self.desk = desk
        self.client = desk.client

    async def upload(self, content, **fields):
        headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self.client.post("/v1/files", body=form(content, **fields), headers=headers)

    async def file(self, rows):
        """The id of a new file."""
        answer = await self.upload(rows if isinstance(rows, bytes) else jsonl(rows))
        assert answer.status == 200, answer.body
        return answer.json()["id"]

    async def post(self, file_id, headers=None, **fields):
        body = {"input_file_id": file_id, "endpoint": "/v1/embeddings", "completion_window": "24h", **fields}
        return await self.client.post("/v1/batches", body, headers=headers)

    async def make(self, rows, **fields):
        """A new batch of these rows."""
        answer = await self.post(await self.file(rows), **fields)
        assert answer.status == 200, answer.body
        return answer.json()

    async def get(self, batch_id):
        answer = await self.client.get(f"/v1/batches/{batch_id}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def until(self, batch_id, *statuses, created=None):
        """The batch once it has one of these statuses, and as many rows are tasks."""
        engine = self.desk.server.engine
        while True:
            with engine.waiting.ticket("events") as ticket:
                found = await self.get(batch_id)
                if found["status"] in statuses and (created is None or await self.waiting() >= created):
                    return found
                assert await ticket.wait(30_000), f"the batch stays {found['status']}"

    async def waiting(self):
        """How many rows wait for a worker."""
        return (await self.client.get("/v1/queue/embed-a:1/backlog")).json()

    async def cancel(self, batch_id):
        return await self.client.post(f"/v1/batches/{batch_id}/cancel")

    async def lines(self, file_id):
        """The lines of a file of results; none when there is no file."""
        if file_id is None:
            return []
        answer = await self.client.get(f"/v1/files/{file_id}/content")
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.splitlines()]

    async def results(self, batch):
        """(the lines of the output file, those of the error file), each by custom id."""
        output = await self.lines(batch["output_file_id"])
        errors = await self.lines(batch["error_file_id"])
        assert len({line["custom_id"] for line in (*output, *errors)}) == len(output) + len(errors)
        return {line["custom_id"]: line for line in output}, {line["custom_id"]: line for line in errors}

    async def work(self, count, status=200):
        """Take so many rows and complete them."""
        done = 0
        while done < count:
            answer = await self.desk.post_take("embed-a:1", size=min(100, count - done), wait_seconds=30)
            for task in answer.json()["embed-a:1"]:
                code = status(task) if callable(status) else status
                body = {"object": "list", "usage": {"prompt_tokens": 2, "total_tokens": 2}}
                sent = {"status_code": code, "request_id": task["task_id"], "body": body}
                answer = await self.desk.complete(task["task_id"], sent, lease_id=task["lease_id"])
                assert answer.status == 200, answer.body
                done += 1
