"""Refusals on the wire."""

import json

import pytest

from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal
from taskloom.dialects.queue.errors import refused, rendered


@pytest.mark.parametrize("kind", Kind)
def test_every_reason_of_the_core_has_a_status_and_a_sentence(kind):
    refusal = refused(Rejection(kind))

    assert 400 <= refusal.status < 600
    assert refusal.message


def test_a_flows_own_code_and_sentence_are_passed_on():
    refusal = refused(Rejection(Kind.INVALID, 1, "too long", code="stream_full"))

    assert (refusal.status, refusal.code, refusal.message) == (400, "stream_full", "too long")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (408, "timeout_error"),
        (409, "conflict_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (499, "cancelled_error"),
        (503, "server_error"),
    ],
)
def test_the_body_serves_both_families_of_clients(status, kind):
    response = rendered(Refusal(status, "c", "m", {"param": "p"}, 3), "TASK-1")

    said = json.loads(response.body)
    assert (response.status, said["code"], said["message"]) == (status, status, "m")
    assert said["error"] == {"message": "m", "type": kind, "param": "p", "code": "c"}
    assert (response.headers.get("x-should-retry") == "false") is (status in {408, 409, 499})
    assert (response.headers["retry-after"], response.headers["x-bella-task-id"]) == ("3", "TASK-1")
