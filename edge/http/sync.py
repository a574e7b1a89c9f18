"""The routes of sync: what the central store may push, what the command line asks. The work is behind a port."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse

from edge.http.ports import Json, SyncDoor

MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # packed and unpacked (decision 56)
_GZIP: Final = 31


def push_routes(door: SyncDoor, is_local: Callable[[Request], bool]) -> APIRouter:
    """For the central store: it shows a token signed by its key, or the site's own bearer token (*is_local*)."""
    routes = APIRouter(prefix="/sync/v1", tags=["sync"], dependencies=[Depends(_asked_by(door, is_local))])

    @routes.post("/hint", status_code=202)
    async def hint() -> Json:
        """There is something new: ask for it. Carries nothing, so it may be sent twice."""
        door.hint()
        return {"ok": True}

    @routes.put("/snapshot")
    async def snapshot(request: Request) -> JSONResponse:
        """Everything, as the answer to a pull would say it. The answer is an ack."""
        return await _push(door, request, "snapshot")

    @routes.post("/delta")
    async def delta(request: Request) -> JSONResponse:
        """What changed, as the answer to a pull would say it. The answer is an ack."""
        return await _push(door, request, "delta")

    return routes


def local_routes(door: SyncDoor) -> APIRouter:
    """For the command line."""
    routes = APIRouter(prefix="/api/v1/sync", tags=["api"])

    @routes.get("/status")
    async def status() -> Json:
        """What `edge sync status --json` prints."""
        return await door.status()

    @routes.post("/pull")
    async def pull() -> JSONResponse:
        """Follow the central store up to now; answers when that is done."""
        reply = await door.pull()
        return JSONResponse(dict(reply.body), reply.status)

    return routes


def _asked_by(door: SyncDoor, is_local: Callable[[Request], bool]) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if is_local(request) or (scheme.lower() == "bearer" and await door.is_central(bearer)):
            return
        raise HTTPException(401, "a token of the central store is needed", headers={"WWW-Authenticate": "Bearer"})

    return check


async def _push(door: SyncDoor, request: Request, mode: str) -> JSONResponse:
    if not _is_private(request):
        raise HTTPException(403, "PINs travel by TLS only")  # decision 50
    reply = await door.push(mode, await _body(request))
    return JSONResponse(dict(reply.body), reply.status)


def _is_private(request: Request) -> bool:
    """Whether what comes was protected on its way, or did not leave this machine."""
    if request.url.scheme == "https" or request.client is None:
        return True
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise HTTPException(413, "the body is too long")
        parts.append(part)
    body = b"".join(parts)
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return body
    if coding != "gzip":
        raise HTTPException(415, "only gzip is understood")
    return await asyncio.to_thread(_unpacked, body)


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacking.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise HTTPException(400, "the body can't be unpacked") from error
    if len(unpacked) > MAX_BODY_BYTES or not unpacking.eof:
        raise HTTPException(413, "the body is too long, or cut short")
    return unpacked
