"""An application of a simulated device on an address of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from edge.http.server import HttpServer


@contextlib.asynccontextmanager
async def serving(app: FastAPI, name: str, host: str, port: int = 0) -> AsyncIterator[str]:
    """Serve *app* while the block lasts; its base URL. Raises OSError where the address is taken."""
    server = HttpServer(app, name=name, listen=(host,), port=port)
    await server.start()
    running = asyncio.create_task(server.run(), name=name)
    try:
        yield f"http://{host}:{server.port}"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.stop()
