"""The batch flow alone: random rows, endings, cancellations and instants never lose or double a row."""

import itertools

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from taskloom.core.commands import Create, Reopen
from taskloom.core.events import TaskCancelled, TaskCompleted, TaskFailed
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import READY, Task
from taskloom.flows import batch_state as b
from taskloom.flows.batch import BatchFlow
from taskloom.flows.batch_state import Assembled, Batch, CreateBatch, Rows, Validated
from taskloom.flows.flow import TIMER, Announce, FlowCommand, FlowContext, SetTimer

FLOW = BatchFlow()
MADE = CreateBatch("BATCH-1", "/v1/embeddings", "file-1", "blob", "24h", 1_000, "key/batch")
ENDINGS = (
    lambda key: TaskCompleted(key, 0, "w"),
    lambda key: TaskFailed(key, "status_500", "no", "w"),
    lambda key: TaskCancelled(key, "", "w"),
)


class Desk:
    """Drives the flow as the engine would: creates become tasks, whose ends come back."""

    def __init__(self):
        self.now = 10
        self.state = None
        self.rows = []
        self.work = []
        self.told = []
        self._keys = itertools.count(100)

    def context(self):
        return FlowContext(1, 1, "t", self.now, lambda: next(self._keys), lambda _: None, lambda *_: ())

    def tell(self, name, body=b"", inputs=()):
        command = FlowCommand(kind=b.KIND, name=name, tenant="t", flow=1, body=body, inputs=inputs, by="k")
        return self._take(FLOW.decide(self.state, command, self.context()))

    def end(self, task, event, payload=None):
        return self._take(FLOW.react(self.state, task, event, payload, self.context()))

    def _take(self, step):
        if isinstance(step, Rejection):
            return step
        self.state = step.state
        for effect in step.effects:
            if isinstance(effect, Create):
                task = Task(
                    next(self._keys), "t", effect.queue, 1, effect.lane, 0, READY, effect.dialect, 0, flow=1
                )
                (self.rows if effect.dialect == b.ROW_DIALECT else self.work).append(task)
            elif isinstance(effect, Announce):
                self.told.append(effect.name)
        return step

    def hand_in(self, first, count):
        rows = Rows(first, [b"{}"] * count)
        return self.tell(b.ROWS, msgspec.msgpack.encode(rows), (b"{}",) * count)

    def validated(self, total, bad=0):
        return self.tell(b.VALIDATED, msgspec.msgpack.encode(Validated(total, "m", "q", bad)))


def made():
    desk = Desk()
    desk.tell(b.CREATE, msgspec.msgpack.encode(MADE))
    return desk


@given(
    st.integers(0, 12),
    st.integers(0, 3),
    st.lists(
        st.sampled_from(["portion", "portion", "repeat", "row", "row", "row", "cancel", "expire", "late"]),
        max_size=60,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_the_counts_add_up_and_the_end_is_told_once(rows, bad, moves, dice):
    total = rows + bad
    assume(total)
    desk = made()
    desk.validated(total, bad)
    for move in [*moves, *["portion"] * rows, *["row"] * rows]:
        if move == "portion" and desk.state.created < rows:
            desk.hand_in(desk.state.created, dice.randint(1, rows - desk.state.created))
        elif move == "repeat" and desk.state.created:
            before = desk.state
            desk.hand_in(0, 1)
            assert desk.state == before
        elif move == "row" and desk.rows:
            task = desk.rows.pop(dice.randrange(len(desk.rows)))
            desk.end(task, dice.choice(ENDINGS)(task.key))
        elif move == "cancel":
            desk.tell(b.CANCEL)
        elif move == "expire":
            desk.now = 2_000
            desk.tell(TIMER, b.EXPIRE.encode())
    while desk.rows:
        task = desk.rows.pop()
        desk.end(task, dice.choice(ENDINGS)(task.key))

    (assembling,) = [task for task in desk.work if task.queue == b.ASSEMBLE]
    assert desk.state.completed + desk.state.failed == total
    files = Assembled(desk.state.completed, desk.state.failed)
    desk.end(assembling, TaskCompleted(assembling.key, 9, "s"), msgspec.json.encode(files))

    assert desk.state.status == (desk.state.stopping or b.COMPLETED)
    assert desk.told == [f"batch.{desk.state.status}"]
    assert desk.state.has_output == (desk.state.completed > 0)
    assert desk.state.has_errors == (desk.state.failed > 0)


def test_making_a_batch_sets_its_deadline_and_the_servers_work():
    desk = Desk()
    step = desk.tell(b.CREATE, msgspec.msgpack.encode(MADE))

    assert [task.queue for task in desk.work] == [b.PREPARE]
    assert SetTimer(b.EXPIRE, 1_010) in step.effects


def test_rows_beyond_the_file_or_out_of_order_are_refused():
    desk = made()
    desk.validated(3)

    refused = [desk.hand_in(1, 1), desk.hand_in(0, 4)]

    assert {one.kind for one in refused} == {Kind.WRONG_STATE}
    assert desk.state.created == 0


def test_a_bad_file_fails_the_batch_and_nothing_more_is_taken():
    desk = made()
    desk.tell(b.INVALID, b"[]")

    assert (desk.state.status, desk.told) == (b.FAILED, ["batch.failed"])
    assert desk.validated(3).kind is Kind.WRONG_STATE
    assert desk.tell(b.CANCEL).code == b.NOT_CANCELLABLE


def test_work_that_somebody_took_away_is_begun_anew():
    desk = made()
    (preparing,) = desk.work

    desk.end(preparing, TaskCancelled(preparing.key, "", "w"))

    assert [task.queue for task in desk.work] == [b.PREPARE, b.PREPARE]


def test_a_batch_cancelled_before_its_file_was_checked_ends_at_once():
    desk = made()
    desk.tell(b.CANCEL)

    assert (desk.state.status, desk.told) == (b.CANCELLED, ["batch.cancelled"])


def test_a_row_that_ended_is_not_begun_anew():
    desk = made()
    task = Task(5, "t", "q", 1, "", 0, READY, "queue", 0, flow=1)

    refused = FLOW.admit(desk.state, task, Reopen(key=5, tenant="t"), desk.context())

    assert refused.kind is Kind.CONSUMED
    assert isinstance(desk.state, Batch)
