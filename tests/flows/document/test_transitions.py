"""Every move from every status: the table allows it and is kept, or it is refused."""

import pytest
from msgspec import msgpack, structs

from taskloom.flows.document import pipeline
from taskloom.flows.document.pages import StepResult
from taskloom.flows.document.state import Document, Failure, Moved, Refused, Status, Work
from taskloom.flows.document.transitions import TRANSITIONS

NOW_MS = 1_709_640_000_000

MOVES = {
    "finish_step": lambda doc, schema: pipeline.finish_step(doc, schema, doc.ticket, StepResult(), NOW_MS),
    "fail_step": lambda doc, _: pipeline.fail_step(doc, doc.ticket, Failure("X", "x"), NOW_MS),
    "complete_review": lambda doc, schema: pipeline.complete_review(doc, schema, "ada", NOW_MS),
    "proceed": lambda doc, schema: pipeline.proceed(doc, schema, doc.ticket, NOW_MS),
    "discard": lambda doc, _: pipeline.discard(doc, "", NOW_MS),
    "report": lambda doc, _: pipeline.report(doc),
    "approve": lambda doc, _: pipeline.approve(doc),
    "retry": lambda doc, _: pipeline.retry(doc),
    "retry_export": lambda doc, _: pipeline.retry_export(doc),
    "note_opened": lambda doc, _: pipeline.note_opened(doc, NOW_MS),
}


def places(bench) -> dict[str, Document]:
    """A document in every status and with every kind of open work."""
    schema = bench.schema()
    extract = bench.at_extract(schema)
    review = bench.in_review(schema)
    done = pipeline.complete_review(review, schema, "ada", NOW_MS).document
    export = pipeline.proceed(done, schema, done.ticket, NOW_MS).document
    unexported = pipeline.fail_step(export, export.ticket, Failure("X", "x"), NOW_MS).document
    return {
        "extract": extract,
        "review": review,
        "between": done,
        "export": export,
        "completed": bench.finish(export, schema, StepResult()),
        "unexported": unexported,
        "exporting anew": pipeline.retry_export(unexported).document,
        "failed": pipeline.fail_step(extract, extract.ticket, Failure("X", "x"), NOW_MS).document,
        "discarded": pipeline.discard(review, "", NOW_MS).document,
        "filtered": bench.started(schema, status=Status.FILTERED).document,
    }


def test_the_places_cover_every_status_and_kind_of_work(bench):
    documents = places(bench).values()

    assert {document.status for document in documents} == set(Status)
    assert {document.work for document in documents} == set(Work)


def test_every_move_of_the_table_has_a_function_and_the_other_way_round():
    assert set(MOVES) == set(TRANSITIONS)


@pytest.mark.parametrize("name", MOVES)
def test_a_move_keeps_to_the_table_or_is_refused_and_changes_nothing(bench, name):
    schema = bench.schema()
    for place, document in places(bench).items():
        before = msgpack.encode(document)

        outcome = MOVES[name](document, schema)

        assert msgpack.encode(document) == before, place
        allowed = TRANSITIONS[name].get(document.status)
        if allowed is None:
            assert isinstance(outcome, Refused), (place, name)
        elif isinstance(outcome, Moved):
            assert outcome.document.status in (allowed or (document.status,)), (place, name)
            assert outcome.document.version > document.version, (place, name)


def test_every_cell_of_the_table_is_reached_by_some_document(bench):
    """A row that nothing can reach would be a promise nobody tests."""
    schema = bench.schema()
    reached = {
        (name, document.status)
        for name, move in MOVES.items()
        for document in places(bench).values()
        if isinstance(move(document, schema), Moved)
    }

    assert reached == {(name, status) for name, row in TRANSITIONS.items() for status in row}


def test_open_work_and_status_belong_together(bench):
    for document in places(bench).values():
        assert (document.work is Work.REVIEW) == (document.status is Status.REVIEWING)
        assert (document.ticket == 0) == (document.work is Work.NONE)
        if document.status is Status.PROCESSING:
            assert document.work is not Work.NONE
        assert not (document.exported_at and document.export_failed_at)


def test_a_document_survives_being_stored(bench):
    for document in places(bench).values():
        assert msgpack.decode(msgpack.encode(document), type=Document) == document
        assert structs.asdict(document)["key"] == document.key
