"""The shapes of the native API's models."""

from typing import Annotated

from msgspec import Meta, Struct

from taskloom.core.limits import MODEL_ROUTES, NAME_LENGTH, QUEUE_NAME_LENGTH
from taskloom.dialects.native.wire_tasks import Instant

Endpoint = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f ]*\Z")]
QueueName = Annotated[str, Meta(min_length=1, max_length=QUEUE_NAME_LENGTH)]
ModelName = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class NewRoute(Struct, forbid_unknown_fields=True):
    """The queue that serves a model at an endpoint; "" is the endpoint the queue is registered with."""

    queue: QueueName
    endpoint: Endpoint = ""
    target: ModelName = ""


class NewRoutes(Struct, forbid_unknown_fields=True):
    """All that serves a model."""

    routes: Annotated[list[NewRoute], Meta(min_length=1, max_length=MODEL_ROUTES)]


class RouteView(Struct):
    """The queue that serves a model at an endpoint, and what its workers read as `model` ("": the same)."""

    endpoint: str
    queue: str
    target: str
    created_at: Instant | None


class ModelView(Struct):
    """A model and what serves it."""

    model: str
    routes: list[RouteView]


class ModelList(Struct):
    """The models that were named, by registrations or here."""

    items: list[ModelView]
