"""Somebody else's web server: answers what a test tells it to, on a real socket, and remembers what it was asked."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

Headers = dict[str, str]


@dataclass(slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Answer:
    """*endless*: after the body nothing ends: bytes go on coming."""

    body: bytes = b""
    status: int = 200
    headers: Headers = field(default_factory=dict)
    endless: bool = False


class Web:
    """`pages` has the answer to each path, or a function that makes it; `anything` makes all others."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | Callable[[Asked], Answer]] = {}
        self.anything: Callable[[Asked], Answer] = lambda _: Answer(status=404)
        self.asked: list[Asked] = []
        self.authority = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        asked = Asked(method, path, headers, body)
        self.asked.append(asked)
        page = self.pages.get(path, self.anything)
        answer = page if isinstance(page, Answer) else page(asked)
        lines = [f"HTTP/1.1 {answer.status} Said"] + [f"{name}: {value}" for name, value in answer.headers.items()]
        length = [] if answer.endless else [f"Content-Length: {len(answer.body)}"]
        writer.write("\r\n".join([*lines, *length, "Connection: close", "", ""]).encode() + answer.body)
        while answer.endless:
            writer.write(b"x" * 65536)
            await writer.drain()
        await writer.drain()


@contextlib.asynccontextmanager
async def web(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
    """A server while the block runs; `Web.authority` is its host and port."""
    served = Web()
    server = await asyncio.start_server(served.serve, address, 0, ssl=tls)
    served.authority = f"{address}:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield served
