"""`/api/v1/devices/<mac>/push`: a device is told what it should have, over its vendor's HTTP; a line a step."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from edge.http.ports import Json


class PushRequest(BaseModel):
    """*address*: where the device is, where that is not known; *driver*: its family, where its MAC does not tell."""

    model_config = ConfigDict(extra="forbid")
    address: Annotated[str, Field(max_length=255)] = ""
    driver: Annotated[str, Field(max_length=32)] = ""
    dry_run: bool = False
    actor: Annotated[str, Field(max_length=64)] = ""


class PushDoor(Protocol):
    async def begin(self, mac: str, *, address: str, driver: str, dry_run: bool, actor: str) -> AsyncIterator[Json]:
        """The steps; the last has the report. Raises LookupError, ValueError in words."""
        ...


def device_push_routes(door: PushDoor) -> APIRouter:
    """To be included before the other routes below `/devices`."""
    routes = APIRouter(prefix="/api/v1", tags=["api"])

    @routes.post("/devices/{mac}/push")
    async def push(mac: str, body: PushRequest) -> Response:
        """Push a device, or compare it only. Lines of JSON: steps, then the report. 404, 409: the body says why."""
        try:
            steps = await door.begin(
                mac,
                address=body.address,
                driver=body.driver,
                dry_run=body.dry_run,
                actor=body.actor or "api",
            )
        except LookupError as error:
            return JSONResponse({"ok": False, "error": str(error.args[0])}, 404)
        except ValueError as error:
            return JSONResponse({"ok": False, "error": str(error)}, 409)
        return StreamingResponse(_lines(steps), media_type="application/x-ndjson")

    return routes


async def _lines(steps: AsyncIterator[Json]) -> AsyncIterator[bytes]:
    async for step in steps:
        yield json.dumps(step, ensure_ascii=False).encode() + b"\n"
