"""Receives callbacks in a process of its own and writes down the id of each, once per delivery."""

import argparse
import asyncio
import json
from pathlib import Path

from aiohttp import web


async def main(port_file: Path, log_file: Path) -> None:
    log = log_file.open("a", encoding="utf-8", buffering=1)

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        line = {
            "id": request.headers.get("webhook-id", ""),
            "task": request.headers.get("x-bella-task-id", ""),
            "path": request.path,
            "body": body.decode("utf-8", "replace"),
        }
        log.write(json.dumps(line) + "\n")
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{mark}", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port_file.write_text(str(site._server.sockets[0].getsockname()[1]), encoding="ascii")
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    asyncio.run(main(options.port_file, options.log))
