"""The derived status of an upload and its edges."""

from hypothesis import given
from hypothesis import strategies as st

from taskloom.flows.document.state import Status
from taskloom.flows.document.uploads import Counts, UploadStatus, counted


def derived(statuses) -> UploadStatus:
    """The rule of the wire reference, word for word."""
    if Status.PROCESSING in statuses:
        return UploadStatus.PROCESSING
    if {Status.REVIEWING, Status.FAILED} & set(statuses):
        return UploadStatus.IN_REVIEW
    return UploadStatus.COMPLETED


def test_one_document_in_review_while_another_works_is_no_news():
    first = counted(Counts(processing=2), Status.PROCESSING, Status.REVIEWING)
    second = counted(first.counts, Status.PROCESSING, Status.COMPLETED)

    assert first.edge is None
    assert second.edge is UploadStatus.IN_REVIEW


def test_the_last_two_documents_give_one_edge_in_either_order():
    start = Counts(waiting=2)
    a = counted(start, Status.REVIEWING, Status.DISCARDED)
    b = counted(a.counts, Status.REVIEWING, Status.COMPLETED)

    assert [a.edge, b.edge] == [None, UploadStatus.COMPLETED]


def test_a_move_within_the_same_status_is_no_edge():
    assert counted(Counts(waiting=1), Status.REVIEWING, Status.REVIEWING).edge is None
    assert counted(Counts(waiting=1), Status.REVIEWING, Status.FAILED).edge is None


def test_an_upload_that_is_filtered_whole_has_ended():
    assert counted(Counts(processing=1), Status.PROCESSING, Status.FILTERED).edge is UploadStatus.COMPLETED


@given(
    documents=st.integers(1, 6),
    moves=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(Status))), max_size=40),
)
def test_counts_agree_with_the_rule_and_edges_tell_every_change_once(documents, moves):
    statuses = [Status.PROCESSING] * documents
    counts, told = Counts(processing=documents), UploadStatus.PROCESSING
    for index, after in moves:
        place = index % documents
        moved = counted(counts, statuses[place], after)
        statuses[place], counts = after, moved.counts

        assert counts.status is derived(statuses)
        assert (moved.edge is not None) == (derived(statuses) is not told)
        told = moved.edge or told
