"""A stream: what a worker reports while it works, kept in order and bounded, for whoever reads along.

The flow owns one task. Each report becomes a frame, numbered from 0; a report whose mark is not above the
last one of the same attempt is a repeat and is dropped. Frames cannot be taken back, so a stream that has
begun is not begun anew by another attempt: the first report of another attempt fails the task.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core.commands import Create, Fail, Report, TaskCommand
from taskloom.core.events import AnyTaskEvent, TaskReported
from taskloom.core.limits import STREAM_BYTES, STREAM_FRAMES
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.flows.flow import Emit, FlowCommand, FlowContext, Say, Step

KIND: Final = "stream"
OPEN: Final = "open"
FRAME: Final = "stream.frame"
"""The event of a frame; its body is a `Frame`."""
BROKEN: Final = "stream_broken"
"""The error code of a task whose stream another attempt began anew."""
FULL: Final = "stream_full"


class Frame(Struct, frozen=True, array_like=True):
    """One frame as it is told to views: its row's key, the task, its number, and what was reported."""

    key: int
    task: int
    number: int
    body: msgspec.Raw


class StreamState(Struct, frozen=True):
    """What is known of a stream: its task, what was written, and by which attempt up to which mark."""

    task: int
    frames: int = 0
    size: int = 0
    attempt: int = 0
    mark: int = -1


def name(task: Task) -> str:
    """What those who read along call the stream of a task under way; "" when nobody holds the task.

    The lease's token is in it, so two stores never use the same name, nor one that was put back to earlier.
    """
    if not task.token:
        return ""
    return blake2b(b"%d %d" % (task.key, task.token), digest_size=16).hexdigest()


class StreamFlow:
    """The flow of tasks whose progress is read along."""

    kind = KIND
    state_type = StreamState

    def compile(self, key: int, body: bytes) -> Any:
        """A stream has no definition."""
        raise ValueError(
            f"a stream has no definition, but record {key} of {len(body)} bytes claims to be one"
        )

    def decide(
        self, state: StreamState | None, command: FlowCommand, context: FlowContext
    ) -> Step[StreamState] | Rejection:
        """`open` makes the task that its body describes (a `Create`); the reply is the task's key."""
        if command.name != OPEN or state is not None:
            return Rejection(Kind.INVALID, command.flow, f"a stream knows no command {command.name}")
        described = msgspec.msgpack.decode(command.body, type=Create)
        key = context.new_key()
        return Step(StreamState(key), [msgspec.structs.replace(described, key=key)], key)

    def admit(
        self, state: StreamState, task: Task, command: TaskCommand, _context: FlowContext
    ) -> Rejection | None:
        """A report is refused when the stream is as long as one may be."""
        if not isinstance(command, Report):
            return None
        if state.frames < STREAM_FRAMES and state.size + len(command.result) <= STREAM_BYTES:
            return None
        return Rejection(Kind.INVALID, task.key, "the stream is as long as one may be", task, FULL)

    def react(
        self, state: StreamState, task: Task, event: AnyTaskEvent, payload: bytes | None, context: FlowContext
    ) -> Step[StreamState]:
        """A report becomes a frame; the end of the task ends the flow, the frames stay."""
        if task.is_final:
            return Step(None, [])
        if not isinstance(event, TaskReported):
            return Step(state, [])
        if state.frames and event.attempt != state.attempt:
            return Step(state, [_broken(task)])
        mark = state.mark if event.attempt == state.attempt else -1
        if 0 <= event.mark <= mark:
            return Step(state, [])
        body = payload or b"null"
        frame = Frame(context.new_key(), task.key, state.frames, msgspec.Raw(body))
        after = StreamState(
            task.key,
            state.frames + 1,
            state.size + event.size,
            event.attempt,
            max(mark, event.mark),
        )
        stream = name(task)
        said = [Say(stream, state.frames, body)] if stream else []
        return Step(after, [Emit(FRAME, msgspec.json.encode(frame)), *said])

    def render(self, _state: StreamState, _task: Task, body: bytes, _fetch: tuple[str, ...]) -> bytes:
        """The worker is shown the input as it was stored."""
        return body


def _broken(task: Task) -> Fail:
    return Fail(
        key=task.key,
        tenant=task.tenant,
        code=BROKEN,
        message="the worker that streamed was lost, and a stream cannot begin again",
        final=True,
        token=task.token,
        supervisor=True,
        repeat=False,
    )
