"""`/provision/…`: devices fetch their configuration, first by a one-time token, then by their own login.

Everybody else gets the same 401, whatever was asked for.
"""

import re
import time
from typing import Final, Protocol, TypeVar

from fastapi import APIRouter, Request, Response

from edge.http.digest import Challenger, is_right

_MAC: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])")
MAX_PATH_LENGTH: Final = 128

DeviceT = TypeVar("DeviceT")


class File(Protocol):
    @property
    def media_type(self) -> str: ...

    @property
    def body(self) -> bytes: ...

    @property
    def sha256(self) -> str: ...


FileT = TypeVar("FileT", bound=File)


class Provisioning(Protocol[DeviceT, FileT]):
    """Who devices are, and what they may have."""

    def device(self, user: str) -> tuple[DeviceT, str] | None:
        """The device that logs in as *user*, and its password."""
        ...

    async def by_token(self, secret: str, address: str) -> DeviceT | None: ...

    async def by_open_door(self, mac: str, address: str) -> DeviceT | None: ...

    def is_shut_out(self, address: str) -> bool: ...

    async def refused(self, address: str, mac: str | None) -> None: ...

    def too_many(self, device: DeviceT) -> bool: ...

    async def file(self, device: DeviceT, path: str) -> FileT | None: ...

    async def fetched(self, device: DeviceT, file: FileT, status: int, address: str) -> None: ...


def autop_routes(files: Provisioning[DeviceT, FileT]) -> APIRouter:
    """For the server that devices reach. To be included after every other route below `/provision`."""
    routes = APIRouter(prefix="/provision", include_in_schema=False)
    challenger = Challenger()

    def owner(request: Request) -> DeviceT | None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        shown = challenger.read(request.headers.get("authorization"), request.method, target, time.time())
        known = None if shown is None else files.device(shown.user)
        right = is_right(shown, None if known is None else known[1])
        return known[0] if right and known is not None else None

    async def stranger(path: str, request: Request) -> Response:
        await files.refused(_address(request), _mac_in(path))
        answer = Response("a device's login is needed\n", 401, media_type="text/plain")
        for challenge in challenger.challenges(time.time()):
            answer.headers.append("WWW-Authenticate", challenge)
        return answer

    @routes.get("/t/{token}/{path:path}")
    async def first(token: str, path: str, request: Request) -> Response:
        address = _address(request)
        device = None if files.is_shut_out(address) else await files.by_token(token, address)
        return await (stranger(path, request) if device is None else _served(files, device, path, request))

    @routes.get("/{path:path}")
    async def own(path: str, request: Request) -> Response:
        device = owner(request)
        if device is None:
            device = await let_in(path, _address(request))
        return await (stranger(path, request) if device is None else _served(files, device, path, request))

    async def let_in(path: str, address: str) -> DeviceT | None:
        mac = _mac_in(path)
        return None if mac is None or files.is_shut_out(address) else await files.by_open_door(mac, address)

    return routes


def _mac_in(path: str) -> str | None:
    found = _MAC.search(path.lower()) if len(path) <= MAX_PATH_LENGTH else None
    return None if found is None else found.group()


async def _served(files: Provisioning[DeviceT, FileT], device: DeviceT, path: str, request: Request) -> Response:
    if files.too_many(device):
        return Response("once in two seconds is enough\n", 429, {"Retry-After": "60"}, media_type="text/plain")
    file = await files.file(device, path) if len(path) <= MAX_PATH_LENGTH else None
    if file is None:
        return Response("there is no such file\n", 404, media_type="text/plain")
    tag = f'"{file.sha256}"'
    status = 304 if tag in request.headers.get("if-none-match", "") else 200
    await files.fetched(device, file, status, _address(request))
    headers = {"ETag": tag, "Cache-Control": "no-store"}
    return Response(file.body if status == 200 else b"", status, headers, media_type=file.media_type)


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
