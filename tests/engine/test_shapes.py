"""Two threads may decode what nobody decoded before: an engine that runs has worked out every shape."""

import sys
from types import ModuleType

import msgspec
import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.engine.engine import Engine, Plan
from taskloom.ports.clock import SystemTokens
from taskloom.store.memory import MemoryStore
from tests.server.fixtures import Inbox, TestClock


@pytest.fixture
def shape(monkeypatch):
    """A shape in a module of ours, which notes when msgspec reads what its member is to work it out."""
    module = ModuleType("taskloom.late")
    module.read = []
    module.member = lambda: module.read.append("member") or int
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return msgspec.defstruct("Late", [("member", "member()")], module=module.__name__)


async def test_a_running_engine_has_worked_out_every_shape(shape):
    plan = Plan(
        store=MemoryStore(), clock=TestClock(), tokens=SystemTokens(), bus=MemoryBus(), deliverer=Inbox()
    )
    engine = Engine(plan)
    await engine.start()
    await engine.stop()
    read = sys.modules["taskloom.late"].read

    assert read == ["member"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode({"member": 5}), type=shape).member == 5
    assert read == ["member"]
