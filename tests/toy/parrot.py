"""A fifth dialect, whole: `SAY text` makes a task, `HEAR worker` hands one out, `ECHO id text` completes it.

It stands here to prove that a new protocol is one folder and two lines of wiring: nothing in core, engine,
server or store knows it, and its tasks are tasks like all others.
"""

import msgspec
from msgspec import Struct

from taskloom.core.commands import Claim, Complete, Create, HolderRule
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Body, Dialect, Operation, Refusal, Reply, Request, Response

PERCH = "perch"
_STATUS = {Kind.NOT_FOUND: 404, Kind.INVALID: 400, Kind.OVERLOADED: 503}


class Said(Struct, forbid_unknown_fields=True):
    """What the parrot is told."""

    text: str


async def say(request: Request) -> Reply:
    """Make a task."""
    try:
        said = msgspec.json.decode(request.body, type=Said)
    except msgspec.DecodeError as error:
        return Refusal(400, "invalid", str(error))
    create = Create(
        tenant=request.tenant, queue=PERCH, dialect="parrot", input=msgspec.json.encode(said.text)
    )
    return _told(await request.engine.submit(create), str)


async def hear(request: Request) -> Reply:
    """Hand one out."""
    claim = Claim(
        tenant=request.wall,
        queues=((PERCH, -1),),
        worker=request.parameters["worker"],
        holder=request.principal.name,
    )
    found = await request.engine.claim(claim)
    if isinstance(found, Rejection):
        return _told(found, str)
    heard = [f"{handout.task.key} {msgspec.json.decode(handout.input)}" for handout in found]
    return Response(200, "\n".join(heard).encode(), "text/plain")


async def echo(request: Request) -> Reply:
    """Complete it."""
    if not request.parameters["id"].isdigit():
        return Refusal(404, "not_found", "no such task")
    complete = Complete(
        key=int(request.parameters["id"]),
        tenant=request.wall,
        result=msgspec.json.encode(request.body.decode("utf-8", "replace")),
        rule=HolderRule.ANYONE,
    )
    return _told(await request.engine.submit(complete), lambda _: "squawk")


def _told(outcome, words) -> Reply:
    if isinstance(outcome, Rejection):
        return Refusal(_STATUS.get(outcome.kind, 409), outcome.kind.name.lower(), outcome.kind.value)
    return Response(200, words(outcome.reply).encode(), "text/plain")


def _operation(name: str, path: str, handler, scope: str) -> Operation:
    return Operation(
        name=f"parrot.{name}", method="POST", path=path, handler=handler, scope=scope,
        summary=handler.__doc__, body=Body.JSON, media_types=("application/json", "text/plain"),
        responses={200: str},
    )  # fmt: skip


DIALECT = Dialect(
    name="parrot",
    operations=(
        _operation("say", "/parrot/say", say, "task.write"),
        _operation("hear", "/parrot/hear/{worker}", hear, "task.work"),
        _operation("echo", "/parrot/echo/{id}", echo, "task.work"),
    ),
    render=lambda refusal, _path: Response(refusal.status, f"AWK {refusal.message}".encode(), "text/plain"),
    owns=lambda path: path.startswith("/parrot/"),
)
