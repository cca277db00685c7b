"""The server under load: the real one, with one operation more that answers without the engine."""

import sys
from pathlib import Path

from taskloom.dialects.native.routes import DIALECT as NATIVE
from taskloom.dialects.operation import Body, Dialect, Operation, Reply, Request, Response
from taskloom.server.run import run
from taskloom.server.settings import Settings
from taskloom.server.wiring import DIALECTS, Adapters, build

_ANSWER = b'"done"'


async def bare(request: Request) -> Reply:
    """All that stands before a handler has been done; nothing comes after."""
    assert request.body
    return Response(200, _ANSWER)


BARE = Dialect(
    name="bare",
    operations=[
        Operation(
            name="bare.complete",
            method="POST",
            path="/bare/{task_id}/complete",
            handler=bare,
            scope="task.work",
            summary="Answers without the engine.",
            body=Body.JSON,
            limit_bytes=1 << 24,
            hot=True,
        )
    ],
    render=NATIVE.render,
    owns=lambda path: path.startswith("/bare/"),
)

if __name__ == "__main__":
    settings = Settings(data=Path(sys.argv[1]), port=int(sys.argv[2]), root_key=sys.argv[3])
    run(settings, build(settings, Adapters(dialects=[BARE, *DIALECTS])))
