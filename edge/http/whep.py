"""Pictures of cameras by WHEP (draft-ietf-wish-whep): one POST of an offer, one DELETE at the end."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse

OFFER_BYTES_MAX: Final = 32_768
SDP: Final = "application/sdp"
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Looks(Protocol):
    """Who shows cameras."""

    def listed(self, session: str) -> list[dict[str, str]]: ...

    async def look(self, session: str, camera: str, offer: str) -> tuple[str, str]:
        """A look's id and the answer. Raises `Refusal`."""
        ...

    async def leave(self, session: str, look: str) -> bool: ...


class Refusal(Exception):
    """A look that is not given. *status* is that of HTTP."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def whep_routes(looks: Looks, session_of: Callable[[str], str | None]) -> APIRouter:
    """*session_of*: whose a bearer token is; it is a session of an app, with that resident's rights."""
    routes = APIRouter(prefix="/app/api/cameras", tags=["app"])

    def caller(request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        session = session_of(token) if scheme.lower() == "bearer" else None
        if session is None:
            raise HTTPException(401, "a token of an app is needed", headers={"WWW-Authenticate": "Bearer"})
        return session

    session = Annotated[str, Depends(caller)]

    @routes.get("")
    async def cameras(who: session) -> JSONResponse:
        """The cameras that this resident may see now."""
        return JSONResponse({"cameras": looks.listed(who)}, headers=_NO_STORE)

    @routes.post("/{camera}")
    async def look(camera: str, who: session, request: Request) -> Response:
        """Draft §4.2: 201, the answer, and where to end it."""
        offer = await _offer(request)
        try:
            identity, answer = await looks.look(who, camera, offer)
        except Refusal as error:
            raise HTTPException(error.status, str(error), headers=_again(error.status)) from error
        where = f"{request.url.path.rstrip('/')}/looks/{identity}"
        return Response(answer, 201, {**_NO_STORE, "Location": where}, SDP)

    @routes.delete("/{camera}/looks/{identity}")
    async def leave(camera: str, identity: str, who: session) -> Response:
        """Draft §4.2: the end."""
        if not await looks.leave(who, identity):
            raise HTTPException(404, "there is no such look")
        return Response(status_code=200)

    @routes.api_route("/{camera}/looks/{identity}", methods=["GET", "HEAD", "POST", "PUT", "PATCH"])
    async def nothing_else(camera: str, identity: str) -> Response:
        """No trickle, no restart of ICE: a broken look is replaced by a new one (draft §4.3 allows 405)."""
        return Response(status_code=405, headers={"Allow": "DELETE"})

    return routes


async def _offer(request: Request) -> str:
    """Raises HTTPException for what is no description, or too long, before all of it was read."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
        raise HTTPException(415, f"an offer as {SDP} is needed", headers={"Accept-Post": SDP})
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > OFFER_BYTES_MAX:
            raise HTTPException(413, "too long an offer")
    try:
        return found.decode("ascii")
    except UnicodeDecodeError as error:
        raise HTTPException(400, "not an offer") from error


def _again(status: int) -> dict[str, Any]:
    return {"Retry-After": "5"} if status in (429, 503) else {}
