"""One suite for the store port: every test runs against every adapter."""

import asyncio
from collections import deque

import pytest

from taskloom.core.task import Task, TaskState
from taskloom.engine.batch import empty_save
from taskloom.ports.store import NewTask, Work
from taskloom.store.memory import MemoryData, MemoryStore
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.sqlite.store import SqliteStore
from taskloom.views.view import ColumnType, View

ADAPTERS = ("memory", "sqlite", "postgres")
NOTES = View(
    "notes",
    {
        "topic": ColumnType.TEXT,
        "rank": ColumnType.INTEGER,
        "task": ColumnType.INTEGER,
        "body": ColumnType.JSON,
    },
    (("topic", "rank"),),
)


class Source:
    """Hands works to the store one by one and keeps a future for each."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.works = deque()
        self.futures = {}

    def next(self):
        return self.works.popleft() if self.works else None

    def done(self, work, result):
        self.loop.call_soon_threadsafe(self.futures.pop(id(work)).set_result, result)

    def failed(self, work, error):
        self.loop.call_soon_threadsafe(self.futures.pop(id(work)).set_exception, error)


class Rig:
    """A store under test and the means to run batches on it."""

    def __init__(self, place):
        self.place = place
        self.node = 0
        self.store = None
        self.source = None

    async def open(self):
        self.store = self.place.new_store()
        await self.store.open((NOTES,))
        self.node, self.last_key = await self.store.lease_node(self.place.now)
        self.source = Source()
        self.store.start(self.source)

    async def close(self):
        await self.store.close()

    async def reopen(self):
        await self.close()
        await self.open()

    def begin(self, work: Work):
        """Put a batch in line; the future ends with what became of it."""
        future = self.source.loop.create_future()
        self.source.futures[id(work)] = future
        self.source.works.append(work)
        self.store.kick()
        return future

    async def ask(self, *requests):
        """One batch of these requests; their answers."""

        def work():
            answers = []
            for request in requests:
                answer = yield request
                answers.append(answer)
            return answers

        return await self.begin(work())

    def saving(self, **changes):
        """A save of these changes alone."""
        save = empty_save()
        save.node = self.node
        for name, value in changes.items():
            setattr(save, name, value)
        return save

    async def save(self, **changes):
        (saved,) = await self.ask(self.saving(**changes))
        return saved

    async def create(self, *tasks, **details):
        await self.save(created=[new(task, **details) for task in tasks])

    async def finish(self, *tasks):
        await self.save(finished=list(tasks))


def new(task, attributes=b"{}", callback="", body=b"null"):
    return NewTask(task, attributes, callback, body)


def make_task(key, **fields):
    values = {
        "tenant": "t",
        "queue": "q",
        "level": 1,
        "lane": "",
        "priority": 0,
        "state": TaskState.READY,
        "dialect": "queue",
        "created_at": 1000,
        "root": key,
    }
    return Task(key=key, **{**values, **fields})


class MemoryPlace:
    now = 1_700_000_000_000

    def __init__(self):
        self.data = MemoryData()

    def new_store(self):
        return MemoryStore(self.data)


class SqlitePlace:
    now = 1_700_000_000_000

    def __init__(self, folder):
        self.folder = folder

    def new_store(self):
        return SqliteStore(self.folder)


class PostgresPlace:
    now = 1_700_000_000_000

    def __init__(self, url):
        self.url = url

    def new_store(self):
        return PostgresStore(self.url)


@pytest.fixture(params=ADAPTERS)
def place(request, tmp_path):
    """Where an adapter keeps its data; a new store on it finds them again."""
    if request.param == "memory":
        return MemoryPlace()
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "data")
    return PostgresPlace(request.getfixturevalue("database"))


@pytest.fixture
async def rig(place):
    rig = Rig(place)
    await rig.open()
    yield rig
    await rig.close()


@pytest.fixture
def task():
    return make_task


@pytest.fixture
def new_task():
    return new
