"""`taskloom bench`: what this machine can do: its disk, and the engine on a store that is gone afterwards."""

import argparse
import asyncio
import importlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from taskloom.cli.disk import Latency, latency_of, sync_latency
from taskloom.cli.failure import Failure
from taskloom.cli.output import Progress, say, show
from taskloom.core.commands import Claim, Complete, Create
from taskloom.core.limits import DOCTOR_SYNCS
from taskloom.core.rejections import Rejection
from taskloom.server.settings import Settings

_COLUMNS: Final = ("what", "callers", "per_second", "p50_ms", "p99_ms")
_CALLERS: Final = (1, 64)
_QUEUE: Final = "bench"
_INPUT: Final = b'{"document":"' + b"a" * 198 + b'"}'
_RESULT: Final = b'{"verdict":"' + b"b" * 71 + b'"}'

Row = dict[str, Any]
Act = Callable[[], Awaitable[Any]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="a folder on the disk that is meant (default: this one)"
    )
    parser.add_argument(
        "--tasks", type=int, default=5_000, metavar="N", help="how many tasks (default: 5000)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the figures, the raw ones of the disk first: no command is faster than one of them alone."""
    count = max(arguments.tasks, 100)
    with tempfile.TemporaryDirectory(prefix=".taskloom-bench-", dir=arguments.folder or Path.cwd()) as name:
        latency = sync_latency(Path(name), DOCTOR_SYNCS)
        rows: list[Row] = [_row("4 KiB append + fdatasync", 1, 1e6 / latency.p50_us, latency)]
        for callers in _CALLERS:
            rows += asyncio.run(_engine(Path(name) / str(callers), callers, count))
    show(rows, as_json=arguments.json, columns=_COLUMNS)
    say("Through the engine, without HTTP; every command is on disk before it is answered.")
    return 0


def _row(what: str, callers: int, per_second: float, latency: Latency) -> Row:
    return {
        "what": what,
        "callers": callers,
        "per_second": round(per_second),
        "p50_ms": round(latency.p50_us / 1000, 2),
        "p99_ms": round(latency.p99_us / 1000, 2),
    }


async def _engine(folder: Path, callers: int, count: int) -> list[Row]:
    """put, claim and complete, one after another; fewer of them where one caller waits for each."""
    wiring: Any = importlib.import_module("taskloom.server.wiring")
    engine = wiring.build(Settings(data=folder)).engine
    await engine.start()
    number = count if callers > 1 else count // 10
    tasks: list[Any] = []

    async def put() -> None:
        new = Create(tenant="default", queue=_QUEUE, dialect="native", input=_INPUT)
        _must(await engine.submit(new))

    async def claim() -> None:
        wanted = Claim(tenant="default", queues=((_QUEUE, -1),), worker="bench", holder="bench")
        tasks.extend(handout.task for handout in _must(await engine.claim(wanted)))

    async def complete() -> None:
        task = tasks.pop()
        done = Complete(key=task.key, tenant="default", result=_RESULT, token=task.token, by="bench")
        _must(await engine.submit(done))

    try:
        return [await _measured(act.__name__, act, callers, number) for act in (put, claim, complete)]
    finally:
        await engine.stop()


def _must(outcome: Any) -> Any:
    if isinstance(outcome, Rejection):
        raise Failure(f"the engine refused: {outcome.kind.name.lower()} {outcome.detail}")
    return outcome


async def _measured(what: str, act: Act, callers: int, count: int) -> Row:
    """So many calls by so many callers."""
    left = iter(range(count))
    times_us: list[float] = []
    with Progress(f"{what}, {callers} callers", count) as progress:

        async def caller() -> None:
            for _ in left:
                begun = time.perf_counter()
                await act()
                times_us.append((time.perf_counter() - begun) * 1e6)
                progress.advance()

        begun = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        took_s = time.perf_counter() - begun
    return _row(what, callers, count / took_s, latency_of(times_us))
