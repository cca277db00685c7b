"""What an instance wants done outside itself; whoever runs the flow turns these into commands."""

from collections.abc import Mapping

import msgspec


class CreateJob(msgspec.Struct, frozen=True, gc=False):
    """Offer a job to the workers of its type."""

    key: int
    type: str
    retries: int
    headers: Mapping[str, str]
    element: str
    element_instance: int


class CancelJob(msgspec.Struct, frozen=True, gc=False):
    """Take a job back: its element is over."""

    key: int


class SuspendJob(msgspec.Struct, frozen=True, gc=False):
    """Hand a job to nobody until its incident is resolved."""

    key: int


class ResumeJob(msgspec.Struct, frozen=True, gc=False):
    """Offer a suspended job again."""

    key: int


class ProceedLater(msgspec.Struct, frozen=True, gc=False):
    """The budget of this reaction is used up: react to `Proceed` next."""

    instance: int


Effect = CreateJob | CancelJob | SuspendJob | ResumeJob | ProceedLater
