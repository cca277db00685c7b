"""What is known of queues and models: records that say which queue serves a model at an endpoint."""

import re
from typing import Any, Final, TypeGuard

from msgspec import Struct

from taskloom.core.limits import NAME_LENGTH

QUEUE: Final = "queue"
"""The kind of record of a registered queue; its name is the queue's."""
MODEL: Final = "model"
"""The kind of record of a model at one endpoint; `model_name` is its name."""
_MODEL_NAME: Final = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]+\Z")


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


def is_model_name(name: Any) -> TypeGuard[str]:
    """Whether a model may be called so: text without control characters, not blank."""
    return isinstance(name, str) and len(name) <= NAME_LENGTH and _MODEL_NAME.match(name) is not None
