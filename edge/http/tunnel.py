"""`/api/v1/devices/<mac>/web`: a device's web page is opened for some minutes, or closed."""

from typing import Annotated, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field


class WebRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    minutes: Annotated[float, Field(gt=0)] = 15
    port: Annotated[int, Field(gt=0, lt=65536)] = 80
    tls: bool = False
    close: bool = False
    actor: Annotated[str, Field(max_length=64)] = ""


class WebDoor(Protocol):
    async def open(self, mac: str, minutes: float, port: int, by: str, *, tls: bool) -> str:
        """The address, good for one opening. Raises LookupError, ValueError in words."""
        ...

    def close(self, mac: str) -> bool: ...


def tunnel_routes(door: WebDoor) -> APIRouter:
    """To be included before the other routes below `/devices`."""
    routes = APIRouter(prefix="/api/v1", tags=["api"])

    @routes.post("/devices/{mac}/web")
    async def web(mac: str, body: WebRequest) -> JSONResponse:
        """Open the web page of a device on this box's loopback address; audited. 404, 403: the body says why."""
        if body.close:
            closed = door.close(mac)
            return JSONResponse({"ok": closed}, 200 if closed else 404)
        try:
            url = await door.open(mac, body.minutes, body.port, body.actor or "api", tls=body.tls)
        except LookupError:
            return JSONResponse({"ok": False, "error": f"there is no device {mac}"}, 404)
        except ValueError as error:
            return JSONResponse({"ok": False, "error": str(error)}, 403)
        return JSONResponse({"ok": True, "url": url, "minutes": body.minutes})

    return routes
