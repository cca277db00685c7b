"""The events of a response: whatever a worker tells, the client's own reader understands what comes of it."""

import json

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from openai._models import construct_type_unchecked
from openai._types import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from taskloom.core.keys import EPOCH_S, KeyParts, join
from taskloom.core.task import COMPLETED, Task
from taskloom.dialects.queue import frames, response_object
from taskloom.dialects.queue.response_events import Events, written
from taskloom.dialects.queue.wire import Progress

KEY = join(KeyParts(EPOCH_S + 1, 2, 3))
TASK = Task(
    key=KEY,
    tenant="default",
    queue="q",
    level=0,
    lane="",
    priority=0,
    state=COMPLETED,
    dialect="queue",
    created_at=0,
)

places = st.integers(0, 2)
texts = st.text("ab {", max_size=4)
parts = st.one_of(
    st.builds(lambda text: {"type": "output_text", "text": text, "annotations": []}, texts),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, texts),
)
messages = st.builds(
    lambda place, content: {"type": "message", "id": f"m{place}", "role": "assistant", "content": content},
    places,
    st.lists(parts, max_size=2),
)
calls = st.builds(
    lambda place, arguments: {
        "type": "function_call",
        "id": f"f{place}",
        "call_id": f"c{place}",
        "name": "f",
        "arguments": arguments,
    },
    places,
    texts,
)
items = st.one_of(messages, calls)
outputs = st.lists(items, max_size=3, unique_by=lambda item: item["id"])


def events(name, **fields):
    return st.fixed_dictionaries({"type": st.just(f"response.{name}"), **fields})


where = {"output_index": places, "content_index": st.just(0)}
told = st.one_of(
    texts,
    events("created", response=st.just({"id": "x"})),
    events("in_progress"),
    events("output_text.delta", delta=texts, **where),
    events("output_text.delta", delta=texts),
    events("output_text.done", text=texts, **where),
    events("refusal.delta", delta=texts, output_index=places, content_index=st.just(1)),
    events("content_part.done", part=parts, **where),
    events("function_call_arguments.delta", delta=texts, output_index=places),
    events("function_call_arguments.done", arguments=texts, output_index=places, kind=texts, self=texts),
    events("reasoning_summary_text.delta", delta=texts, sequence_number=st.integers()),
    st.just({"choices": [{"delta": {"content": "x"}}]}),
    st.just("[DONE]"),
)
names = st.sampled_from(
    ["type", "item", "part", "output_index", "content_index", "delta", "response", "output", "text"]
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=8,
)
kinds = st.sampled_from(
    [
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.delta",
        "response.refusal.done",
        "response.completed",
        "error",
    ]
)
odd = st.builds(lambda kind, more: {**more, "type": kind}, kinds, st.dictionaries(names, anything))
"""Events that only look like some."""


def stored(value):
    return frames.stored(Progress(msgspec.Raw(json.dumps(value).encode())))


def shell(**request):
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"model": "m", **request}.items()}
    return response_object.shell(KEY, raw)


def all_of(values, result, *, is_background=False):
    """The events of a response whose worker told these values and ended with this result."""
    teller = Events(shell(), is_background=is_background)
    made = teller.opening(is_taken=False) + teller.opening(is_taken=True)
    for value in values:
        made += teller.told(stored(value))
    final = teller.concluded({}, TASK, json.dumps({"status_code": 200, "body": result}).encode())
    return made + teller.ending(final)


def on_the_wire(made, after=-1):
    chunks = written(made, after).decode().strip().split("\n\n")
    return [json.loads(chunk.split("\ndata:", 1)[1]) for chunk in chunks if chunk]


def understood(made):
    """What the client's own reader has understood at the end; it raises where it does not."""
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in on_the_wire(made):
        state.handle_event(construct_type_unchecked(type_=ResponseStreamEvent, value=event))
    return state._completed_response


@given(st.lists(told, max_size=12), st.one_of(st.none(), outputs))
def test_the_clients_reader_understands_whatever_a_worker_tells(values, output):
    made = all_of(values, {} if output is None else {"output": output})

    response = understood(made)

    assert response is not None
    assert response.id == made[0]["response"]["id"]
    if output:
        assert [item.type for item in response.output] == [item["type"] for item in output]


@given(st.lists(told, max_size=12), st.booleans())
def test_every_event_has_the_next_number_and_the_last_one_says_how_it_ended(values, is_background):
    made = all_of(values, {}, is_background=is_background)

    assert [event["sequence_number"] for event in made] == list(range(len(made)))
    assert made[0]["type"] == "response.created"
    assert made[-1]["type"] == "response.completed"


@given(st.lists(told, max_size=12), st.integers(-1, 30))
def test_the_same_frames_give_the_same_events_from_wherever_one_reads(values, after):
    first, second = all_of(values, {"output_text": "x"}), all_of(values, {"output_text": "x"})

    assert first == second
    assert [event["sequence_number"] for event in on_the_wire(first, after)] == [
        number for number in range(len(first)) if number > after
    ]


@example([{"type": "response.output_item.added", "item": {"type": []}}], None)
@given(st.lists(st.one_of(anything, odd)), anything)
def test_nothing_a_worker_tells_breaks_the_stream(values, result):
    made = all_of(values, result)

    assert on_the_wire(made)[-1]["type"] in {
        "response.completed",
        "response.failed",
        "response.incomplete",
    }


def test_deltas_come_as_they_were_told():
    made = all_of(["H", "i"], {})

    deltas = [event["delta"] for event in made if event["type"] == "response.output_text.delta"]
    assert deltas == ["H", "i"]
    assert understood(made).output_text == "Hi"


def test_a_name_that_breaks_the_line_is_no_event():
    made = all_of([{"type": "response.x\ndata: forged", "delta": "x"}], {})

    assert b"forged" not in written(made)
