"""Dead letters, and what tasks used up: the operations."""

from typing import Any, Final

from taskloom.dialects.native import dead_letters, usage, wire, wire_life, wire_tasks
from taskloom.dialects.operation import Body, Operation

_REFUSED: Final[dict[int, Any]] = {401: wire.Problem, 403: wire.Problem}
_BULK: Final[dict[int, Any]] = {200: wire_tasks.Outcomes, 400: wire.Problem, **_REFUSED}
_LETTERS: Final = "/api/v1/dead-letters"
_LETTER: Final[dict[int, Any]] = {**_REFUSED, 404: wire.Problem}

OPERATIONS: Final = (
    Operation(
        name="native.dead_letters",
        method="GET",
        path=_LETTERS,
        handler=dead_letters.listing,
        scope="task.read",
        summary="Tasks that failed for good, with the last of their attempts",
        query=wire_life.LettersAsked,
        responses={200: wire_life.DeadLetterPage, 400: wire.Problem, **_LETTER},
    ),
    Operation(
        name="native.dead_letters_replay",
        method="POST",
        path=f"{_LETTERS}/replay",
        handler=dead_letters.replay_many,
        scope="task.write",
        summary="Begin anew with many dead letters",
        body=Body.JSON,
        request=wire_life.ManyLetters,
        responses={**_BULK, 404: wire.Problem},
    ),
    Operation(
        name="native.dead_letters_discard",
        method="POST",
        path=f"{_LETTERS}/discard",
        handler=dead_letters.discard_many,
        scope="task.write",
        summary="Strike off many dead letters",
        body=Body.JSON,
        request=wire_life.ManyLetters,
        responses={**_BULK, 404: wire.Problem},
    ),
    Operation(
        name="native.dead_letter",
        method="GET",
        path=f"{_LETTERS}/{{key}}",
        handler=dead_letters.read,
        scope="task.read",
        summary="One dead letter",
        responses={200: wire_life.DeadLetter, **_LETTER},
    ),
    Operation(
        name="native.dead_letter_replay",
        method="POST",
        path=f"{_LETTERS}/{{key}}/replay",
        handler=dead_letters.replay,
        scope="task.write",
        summary="Begin anew with a dead letter",
        responses={200: wire_tasks.ItemOutcome, **_LETTER, 409: wire.Problem},
    ),
    Operation(
        name="native.dead_letter_discard",
        method="DELETE",
        path=f"{_LETTERS}/{{key}}",
        handler=dead_letters.discard,
        scope="task.write",
        summary="Strike off a dead letter; its task stays failed",
        responses={204: None, **_LETTER, 409: wire.Problem},
    ),
    Operation(
        name="native.usage",
        method="GET",
        path="/api/v1/usage",
        handler=usage.usage,
        scope="task.read",
        summary="What completed tasks used up, by day, key, model, queue or tenant",
        query=wire_life.UsageAsked,
        responses={200: wire_life.UsageTable, 400: wire.Problem, **_LETTER},
    ),
)
