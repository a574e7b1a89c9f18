"""`/hooks/<vendor>/<token>/…`: devices report what happens by asking this address (action URLs) or posting to it.

The token is all that such a device can show. What was typed at a door does not get past the first line: it is taken
out of the query before anything else sees it, and no address is ever logged here.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from fastapi import APIRouter, Request, Response

MAX_BODY_BYTES: Final = 256 * 1024  # a queue that waited for a night
MAX_TOKEN_CHARS: Final = 64
MAX_FIELDS: Final = 32
MAX_FIELD_CHARS: Final = 128
SECRET: Final = frozenset({"code", "pin", "password", "pwd", "passwd"})
"""Fields that may hold what somebody typed."""


class Reports(Protocol):
    async def report(self, vendor: str, token: str, query: Mapping[str, str], body: bytes, address: str) -> int:
        """The HTTP status of the answer: 200 when what was told is kept. *query* has nothing secret any more."""
        ...


def hook_routes(reports: Reports) -> APIRouter:
    """For the server that devices reach."""
    routes = APIRouter(prefix="/hooks", include_in_schema=False)

    async def heard(vendor: str, token: str, request: Request, rest: str = "") -> Response:
        query = told(request)
        body = await _body(request)
        if body is None or len(token) > MAX_TOKEN_CHARS:
            return Response(status_code=413)
        address = request.client.host if request.client is not None else ""
        return Response(status_code=await reports.report(vendor, token, query, body, address))

    for path in ("/{vendor}/{token}", "/{vendor}/{token}/{rest:path}"):
        routes.add_api_route(path, heard, methods=["GET", "POST"])
    return routes


def told(request: Request) -> dict[str, str]:
    """The query without what may be secret, and no longer than it needs to be."""
    fields = list(request.query_params.items())[:MAX_FIELDS]
    return {name: value[:MAX_FIELD_CHARS] for name, value in fields if name.lower() not in SECRET}


async def _body(request: Request) -> bytes | None:
    """None where it is longer than it may be."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            return None
    return body
