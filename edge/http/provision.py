"""`/provision/firmware/…`: what devices fetch by their own login. Everybody else gets the same 401."""

import hmac
import re
from pathlib import Path
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import FileResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

_NAME: Final = re.compile(r"[0-9a-f]{64}\.bin")
_BASIC: Final = HTTPBasic(auto_error=False)
_NOBODY: Final = "nobody has this password, for it is longer than any"


class DeviceFiles(Protocol):
    """What devices may fetch, and who they are."""

    def password(self, mac: str) -> str | None:
        """The password of the device *mac* (12 lower-case hex digits) on the device plane; None where there is none."""
        ...

    def firmware(self, name: str) -> Path | None:
        """The file, if it is there."""
        ...

    async def fetched(self, mac: str, name: str) -> None:
        """Keep a line of it."""
        ...


def provision_routes(files: DeviceFiles) -> APIRouter:
    """For the server that devices reach."""
    routes = APIRouter(prefix="/provision", include_in_schema=False)

    def device(given: Annotated[HTTPBasicCredentials | None, Depends(_BASIC)]) -> str:
        mac = "" if given is None else given.username.lower()
        known = files.password(mac)
        shown = "" if given is None else given.password
        right = hmac.compare_digest(shown.encode(), (known or _NOBODY).encode())
        if known is None or not right:
            raise HTTPException(401, "a device's login is needed", headers={"WWW-Authenticate": "Basic"})
        return mac

    @routes.get("/firmware/{name}")
    async def firmware(name: str, mac: Annotated[str, Depends(device)]) -> FileResponse:
        path = files.firmware(name) if _NAME.fullmatch(name) else None
        if path is None:
            raise HTTPException(404, "there is no such file")
        await files.fetched(mac, name)
        return FileResponse(path, media_type="application/octet-stream")

    return routes
