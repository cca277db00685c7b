"""The whole idea in one terminal: four real clients, four protocols, one server, killed in the middle.

Everything must be completed exactly once, and nothing that was acknowledged may be lost. Ends with the table
that proves it; exit status 1 if anything is missing.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import act_agents
import act_documents
import act_processes
import act_queue
import aiohttp
import proof
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from scene import Server, Stage, Verdict

ACTS = (act_queue, act_agents, act_documents, act_processes)
KILL_AT = 0.4


async def _watch(stage: Stage, progress: Progress, count: int, console: Console) -> None:
    """Move the bars; at the chosen point pull the plug and start again."""
    bars = {act.ACT: progress.add_task(act.ACT, total=count) for act in ACTS}
    killed = False
    while True:
        for act, bar in bars.items():
            progress.update(bar, completed=stage.done.get(act, 0))
        if not killed and sum(stage.done.values()) >= KILL_AT * count * len(ACTS):
            killed = True
            stage.server.kill()
            console.print("[bold red]SIGKILL[/]: the server is gone, with everything it had in memory")
            console.print(f"[bold green]ready again[/] after {await stage.server.start():.2f} s")
        await asyncio.sleep(0.1)


async def play(count: int, folder: Path, console: Console) -> int:
    """All acts at once, then the proof; answers the exit status."""
    server = Server(folder / "data")
    ready_s = await server.start()
    console.print(f"[bold]Taskloom[/] on an empty folder, ready after {ready_s:.2f} s: {server.url}")
    begun = time.monotonic()
    try:
        verdicts = await _act(server, count, console)
    finally:
        server.stop()
    console.print(f"{count * len(ACTS)} acts in {time.monotonic() - begun:.1f} s")
    return await _prove(server.data, verdicts, console)


async def _act(server: Server, count: int, console: Console) -> list[Verdict]:
    """The four acts side by side, with bars that move."""
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        stage = Stage(server, session)
        with Progress(*columns, console=console) as progress:
            watching = asyncio.create_task(_watch(stage, progress, count, console))
            try:
                verdicts = await asyncio.gather(*[act.play(stage, count) for act in ACTS])
                await asyncio.sleep(0.2)
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
    return list(verdicts)


async def _prove(data: Path, verdicts: list[Verdict], console: Console) -> int:
    proofs, lost = await proof.read(data, verdicts)
    table = Table(title="Exactly once, nothing lost")
    for name in ("act", "asked", "right", "tasks", "completed", "twice", "open", "lost", "proof"):
        table.add_column(name, justify="left" if name in ("act", "proof") else "right", no_wrap=True)
    holds = True
    for verdict in verdicts:
        found = proofs[verdict.act]
        good = (
            verdict.right == verdict.asked
            and found.twice == 0
            and found.open == 0
            and found.completed == found.tasks
            and lost[verdict.act] == 0
        )
        holds = holds and good
        figures = (verdict.asked, verdict.right, found.tasks, found.completed, found.twice, found.open)
        mark = "[green]holds[/]" if good else "[red]BROKEN[/]"
        table.add_row(verdict.act, *map(str, figures), str(lost[verdict.act]), mark)
    console.print(table)
    for verdict in verdicts:
        if verdict.note:
            console.print(f"{verdict.act}: {verdict.note}")
    return 0 if holds else 1


def main() -> int:
    """`./dev demo [COUNT]`: how often each act is played, 200 times unless told otherwise."""
    count = int(next((word for word in sys.argv[1:] if word.isdigit()), 200))
    with tempfile.TemporaryDirectory(prefix="taskloom-demo-") as folder:
        return asyncio.run(play(count, Path(folder), Console()))


if __name__ == "__main__":
    sys.exit(main())
