"""A11: what we sign is accepted by the verifiers receivers use, and nothing else is."""

import base64
import json
import time

import openai
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from taskloom.callbacks.signature import signed, spelled

NEW, OLD, OTHER = b"n" * 32, b"o" * 32, b"x" * 32
ID = "msg_197098533852030977"
BODY = json.dumps({"id": "evt_1", "object": "event", "type": "batch.completed", "data": {"id": "é"}}).encode()
TOLERANCE_S = 300
CLIENT = openai.OpenAI(api_key="unused")


def by_standard_webhooks(secret, body, headers):
    try:
        Webhook(spelled(secret)).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError):
        return False
    return True


def by_openai(secret, body, headers):
    try:
        CLIENT.webhooks.verify_signature(body, headers, secret=spelled(secret))
    except (openai.InvalidWebhookSignatureError, ValueError, TypeError):
        return False
    return True


pytestmark = pytest.mark.parametrize("accepts", [by_standard_webhooks, by_openai])


def headers_of(*secrets, at=0):
    return dict(signed(secrets, ID, int(time.time()) + at, BODY))


def decoded(signature):
    try:
        return base64.b64decode(signature.removeprefix("v1,"))
    except ValueError:
        return None


def flips(data):
    """Every copy of some bytes in which one bit is another."""
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            yield bytes(changed)


def test_ours_are_accepted(accepts):
    assert accepts(NEW, BODY, headers_of(NEW))


def test_openai_reads_the_event(accepts):
    assert accepts(NEW, BODY, headers_of(NEW))
    event = CLIENT.webhooks.unwrap(BODY, headers_of(NEW), secret=spelled(NEW))

    assert (event.type, event.data.id) == ("batch.completed", "é")


def test_during_a_rotation_who_knows_either_secret_accepts(accepts):
    headers = headers_of(NEW, OLD)

    assert accepts(NEW, BODY, headers)
    assert accepts(OLD, BODY, headers)
    assert not accepts(OTHER, BODY, headers)
    assert not accepts(OLD, BODY, headers_of(NEW))


def test_any_other_bit_of_the_body_is_refused(accepts):
    headers = headers_of(NEW)

    assert not any(accepts(NEW, body, headers) for body in flips(BODY))
    assert not accepts(NEW, BODY + b" ", headers)
    assert not accepts(NEW, b"", headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_any_other_bit_of_a_header_is_refused(accepts, name):
    headers = headers_of(NEW)
    kept = "v1," if name == "webhook-signature" else ""
    for raw in flips(headers[name].removeprefix(kept).encode()):
        value = kept + raw.decode("latin-1")
        if name == "webhook-signature" and decoded(value) == decoded(headers[name]):
            continue  # the last digit of base64 has two bits that mean nothing
        assert not accepts(NEW, BODY, {**headers, name: value}), value


def test_another_id_is_refused(accepts):
    assert not accepts(NEW, BODY, {**headers_of(NEW), "webhook-id": "msg_8"})


@pytest.mark.parametrize(("at", "fresh"), [(-TOLERANCE_S + 5, True), (-TOLERANCE_S - 5, False),
                                           (TOLERANCE_S - 5, True), (TOLERANCE_S + 5, False)])  # fmt: skip
def test_what_is_five_minutes_off_is_refused(accepts, at, fresh):
    assert accepts(NEW, BODY, headers_of(NEW, at=at)) == fresh


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_call_without_one_of_the_headers_is_refused(accepts, name):
    headers = headers_of(NEW)
    del headers[name]

    assert not accepts(NEW, BODY, headers)
