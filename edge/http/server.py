"""uvicorn inside the daemon's loop, on sockets that we bound ourselves."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Generator
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from edge.http.unix import short_path

_SHUTDOWN_S = 1
MAX_CONNECTIONS: Final = 1200  # a thousand devices after a power cut, and some people; about 30 kB each
MAX_QUEUED: Final = 1024  # connections that wait in the kernel
ACCEPTED_AT_ONCE: Final = 4
"""In one turn of the loop. A house that comes back after a power cut knocks a thousand times in the same second; calls
go on between its knocks."""


class _Server(uvicorn.Server):
    """uvicorn that leaves the process's signals to the daemon, and takes a crowd in turn."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for bound in sockets or ():
            bound.listen(MAX_QUEUED)  # asyncio said to the kernel what it takes at once

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """A `Component` that serves *app* on TCP addresses or on one Unix socket.

    Binding ourselves matters: a bind failure inside uvicorn is SystemExit, which would tear the daemon's task group.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        name: str,
        listen: tuple[str, ...] = (),
        port: int = 0,
        uds: Path | None = None,
        max_connections: int = MAX_CONNECTIONS,
        certificate: tuple[Path, Path] | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        """*certificate*: files of the chain and of its key, for HTTPS; or *tls*, a context that somebody keeps new."""
        self.name = name
        self._max_connections, self._certificate, self._tls = max_connections, certificate, tls
        self._app, self._listen, self._port, self._uds = app, listen, port, uds
        self._sockets: list[socket.socket] = []
        self._server: _Server | None = None

    @property
    def addresses(self) -> list[str]:
        """``host:port`` of each TCP listener, as bound."""
        return [_show(s) for s in self._sockets if s.family != socket.AF_UNIX]

    @property
    def port(self) -> int:
        """Port of the first TCP listener; 0 if there is none."""
        return next((int(s.getsockname()[1]) for s in self._sockets if s.family != socket.AF_UNIX), 0)

    async def start(self) -> None:
        """Bind. Raises OSError naming the address that is taken."""
        port = self._port
        for address in self._listen:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            bound = socket.create_server((address, port), family=family, reuse_port=False)
            port = port or int(bound.getsockname()[1])  # with port 0 every address gets the same one
            self._sockets.append(bound)
        if self._uds is not None:
            self._sockets.append(_bind_unix(self._uds))

    async def run(self) -> None:
        chain, key = self._certificate or (None, None)
        config = uvicorn.Config(
            self._app,
            loop="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            ws_max_size=65536,
            h11_max_incomplete_event_size=16384,
            limit_concurrency=self._max_connections,
            backlog=ACCEPTED_AT_ONCE,
            ssl_certfile=chain,
            ssl_keyfile=key,
        )
        if self._tls is not None:
            config.load()
            config.ssl = self._tls
        self._server = _Server(config)
        serving = asyncio.ensure_future(self._server.serve(sockets=self._sockets))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._server.should_exit = True
            await serving
            raise

    async def stop(self) -> None:
        for bound in self._sockets:
            bound.close()
        self._sockets.clear()
        if self._uds is not None:
            self._uds.unlink(missing_ok=True)


def _bind_unix(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        with short_path(path) as name:
            bound.bind(name)
    finally:
        os.umask(old_mask)
    bound.listen(64)
    return bound


def _show(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
