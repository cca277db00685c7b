"""The stream flow: what its reports become, and where it ends."""

import itertools

import msgspec

from taskloom.core.commands import Create, Fail, Report
from taskloom.core.events import FlowEvent, TaskCompleted, TaskReported, TaskUpdated
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import COMPLETED, LEASED, Task
from taskloom.flows.flow import Emit, FlowCommand, FlowContext, Say
from taskloom.flows.stream import BROKEN, FRAME, FULL, KIND, OPEN, Frame, StreamFlow, StreamState, name
from taskloom.views.frames import project_frames

FLOW = StreamFlow()
CREATE = Create(tenant="t", queue="q", dialect="queue", input=b'{"a":1}')
TASK = Task(2, "t", "q", 1, "", 0, LEASED, "queue", 0, flow=1, root=1, attempt=1, token=9)


def context():
    keys = itertools.count(100)
    return FlowContext(1, 1, "t", 0, lambda: next(keys), lambda _: None, lambda *_: ())


def opened(state=None, name=OPEN):
    command = FlowCommand(kind=KIND, name=name, tenant="t", body=msgspec.msgpack.encode(CREATE))
    return FLOW.decide(state, command, context())


def reported(state, *, mark=-1, attempt=1, body=b'{"w":1}'):
    return FLOW.react(state, TASK, TaskReported(2, attempt, mark, len(body)), body, context())


def frames(step):
    emitted = [effect for effect in step.effects if isinstance(effect, Emit)]
    return [msgspec.json.decode(effect.body, type=Frame) for effect in emitted]


def test_opening_makes_the_task_and_answers_with_its_key():
    step = opened()

    (create,) = step.effects
    assert create == msgspec.structs.replace(CREATE, key=100)
    assert (step.reply, step.state) == (100, StreamState(100))


def test_nothing_else_is_known_and_nothing_is_opened_twice():
    refused = [opened(name="close"), opened(StreamState(2))]

    assert [type(each) for each in refused] == [Rejection, Rejection]
    assert {each.kind for each in refused} == {Kind.INVALID}


def test_reports_are_frames_numbered_from_zero():
    first = reported(StreamState(2), mark=5)
    second = reported(first.state, mark=6, body=b"2")

    assert [frame.number for frame in (*frames(first), *frames(second))] == [0, 1]
    assert second.state == StreamState(2, frames=2, size=8, attempt=1, mark=6)


def test_a_frame_is_said_to_those_who_read_along_as_it_is_stored():
    step = reported(StreamState(2, frames=4, attempt=1), body=b'{"w" : 1}')

    (frame,) = frames(step)
    assert step.effects[1] == Say(name(TASK), frame.number, bytes(frame.body))


def test_the_name_of_a_stream_is_another_one_for_each_lease():
    names = {name(msgspec.structs.replace(TASK, key=key, token=token)) for key in (2, 3) for token in (8, 9)}

    assert len(names) == 4
    assert name(msgspec.structs.replace(TASK, token=0)) == ""


def test_a_mark_that_does_not_rise_is_a_repeat():
    state = reported(StreamState(2), mark=5).state

    for mark in (0, 4, 5):
        assert reported(state, mark=mark).effects == []
    assert len(frames(reported(state, mark=-1))) == 1


def test_marks_begin_anew_with_an_attempt_as_long_as_there_is_no_frame():
    step = reported(StreamState(2, attempt=1, mark=7), mark=0, attempt=2)

    assert len(frames(step)) == 1


def test_another_attempt_cannot_go_on_with_a_stream_that_has_begun():
    state = StreamState(2, frames=1, size=1, attempt=1)
    step = reported(state, attempt=2)

    (fail,) = step.effects
    assert isinstance(fail, Fail)
    assert (fail.code, fail.final, fail.token, step.state) == (BROKEN, True, 9, state)


def test_a_stream_is_bounded_in_frames_and_in_bytes(monkeypatch):
    monkeypatch.setattr("taskloom.flows.stream.STREAM_FRAMES", 3)
    monkeypatch.setattr("taskloom.flows.stream.STREAM_BYTES", 10)
    report = Report(key=2, tenant="t", result=b"12345")

    fits = FLOW.admit(StreamState(2, frames=2, size=5), TASK, report, context())
    refused = [
        FLOW.admit(state, TASK, report, context())
        for state in (StreamState(2, frames=3), StreamState(2, frames=1, size=6))
    ]

    assert fits is None
    assert [each.code for each in refused] == [FULL, FULL]
    assert FLOW.admit(StreamState(2, frames=3), TASK, Fail(key=2, tenant="t"), context()) is None


def test_the_end_of_the_task_ends_the_flow_and_other_events_change_nothing():
    state = StreamState(2, frames=1)
    ended = msgspec.structs.replace(TASK, state=COMPLETED)

    assert FLOW.react(state, ended, TaskCompleted(2, 0, ""), b"{}", context()).state is None
    step = FLOW.react(state, TASK, TaskUpdated(2, priority=1), None, context())
    assert (step.state, step.effects) == (state, [])


def test_the_worker_is_shown_the_input_as_it_is():
    assert FLOW.render(StreamState(2), TASK, b'{"a" : 1}', ()) == b'{"a" : 1}'


def test_a_frame_is_a_row_and_other_events_are_none():
    effect, _ = reported(StreamState(2)).effects
    assert isinstance(effect, Emit)

    (row,) = project_frames(FlowEvent(1, 1, KIND, "t", FRAME, effect.body), 0)

    assert (row.view, row.key, row.tenant) == ("frames", 100, "t")
    assert row.values == {"task": 2, "number": 0, "body": b'{"w":1}'}
    assert list(project_frames(FlowEvent(1, 1, KIND, "t", "other", b"{}"), 0)) == []
