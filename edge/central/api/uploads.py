"""How much may be sent: a body is counted while it comes, and a file goes to disk, not to memory."""

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.admin.sheet_limits import MAX_FILE_BYTES

MAX_JSON_BYTES: Final = 32 * 1024 * 1024
MAX_BYTES_WITHOUT_TOKEN: Final = 64 * 1024  # only enrolment has none
FILES_END_IN: Final = "/file"
_TOO_LONG: Final = 413


class BoundedBody:
    """Middleware: what is longer is answered 413 and not read on. It is read before anybody knows whose it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = _limit(scope)
        told = dict(scope["headers"]).get(b"content-length", b"")
        too_long = told.isdigit() and int(told) > left

        async def counted() -> Message:
            nonlocal left, too_long
            message: Message = {} if too_long else await receive()
            left -= len(message.get("body", b""))
            too_long = too_long or left < 0
            return {"type": "http.disconnect"} if too_long else message

        async def answer(message: Message) -> None:
            # Whatever the route makes of a body that breaks off: the client is told why.
            if too_long and message["type"] == "http.response.start":
                headers = [*message["headers"], (b"connection", b"close")]  # or the rest would be read and thrown away
                message = {**message, "status": _TOO_LONG, "headers": headers}
            await send(message)

        await self._app(scope, counted, answer)


def _limit(scope: Scope) -> int:
    if not dict(scope["headers"]).get(b"authorization"):
        return MAX_BYTES_WITHOUT_TOKEN
    return MAX_FILE_BYTES if scope["path"].endswith(FILES_END_IN) else MAX_JSON_BYTES


@contextlib.asynccontextmanager
async def received(request: Request) -> AsyncIterator[Path]:
    """The body as a file, gone when the block ends. Raises starlette's ClientDisconnect."""
    with tempfile.TemporaryDirectory(prefix="edge-central-") as folder:
        file = Path(folder) / "upload"
        with file.open("wb") as out:
            async for part in request.stream():
                out.write(part)  # parts of at most 64 KiB into the page cache: no wait worth a thread
        yield file
