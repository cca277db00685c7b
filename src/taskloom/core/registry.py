"""What is known of queues and models: records that say which queue serves a model at an endpoint."""

from typing import Final

from msgspec import Struct

QUEUE: Final = "queue"
"""The kind of record of a registered queue; its name is the queue's."""
MODEL: Final = "model"
"""The kind of record of a model at one endpoint; `model_name` is its name."""


class QueueBody(Struct, frozen=True):
    """The record of a registered queue."""

    id: int
    endpoint: str
    created_at: int
    by: str = ""


class ModelBody(Struct, frozen=True):
    """The record of a model: the queue that serves it, and the name by which that queue's workers know it."""

    model: str
    endpoint: str
    queue: str
    created_at: int
    target: str = ""
    """What the worker reads as `model`; "" leaves what the caller wrote."""


def model_name(endpoint: str, model: str) -> str:
    """The name of a model's record: one queue per endpoint and model."""
    return f"{endpoint} {model}"
