"""`/app/api`: what residents' apps ask by HTTP (docs/app-protocol.md)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.http.ports import Json, Reply

VERSION: Final = 1
_RETRY_AFTER_S: Final = "30"
_NO_STORE: Final = {"Cache-Control": "no-store"}
_PICTURE: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
_Word = Annotated[str, Field(min_length=1, max_length=64)]
_Signature = Annotated[str, Field(max_length=128)]


class Picture(Protocol):
    @property
    def type(self) -> str: ...

    @property
    def data(self) -> bytes: ...


class AppApi(Protocol):
    """Who answers apps."""

    @property
    def origin(self) -> str: ...

    @property
    def community(self) -> str: ...

    @property
    def logo(self) -> Picture | None: ...

    def may_try(self, source: str) -> bool:
        """Count a try of a stranger; False: too many."""
        ...

    def session_of(self, token: str) -> str | None: ...

    def token(self, session: str, at_ms: int, signature: str) -> tuple[str, int] | None: ...

    async def invited(self, body: Mapping[str, str]) -> Reply:
        """Redeem an invitation."""
        ...

    async def answer(self, session: str, what: str, fields: Mapping[str, Any]) -> Reply: ...


class InviteBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    secret: Annotated[str, Field(min_length=1, max_length=128)]
    public_key: Annotated[str, Field(max_length=128)]
    name: _Word
    signature: _Signature


class TokenBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    session: _Word
    at_ms: Annotated[int, Field(ge=0, lt=1 << 53)]
    signature: _Signature


class PassBody(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    apartment: _Word
    name: Annotated[str, Field(min_length=1, max_length=128)]
    until_ms: Annotated[int, Field(ge=0, lt=1 << 53)]
    from_ms: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None
    uses: Annotated[int, Field(ge=1, le=100)] | None = None
    kind: _Word = "qr"


def app_api_routes(api: AppApi) -> APIRouter:
    """The routes. Those that change something take only pages of our own origin."""
    routes = APIRouter(prefix="/app/api", tags=["app"])
    own_page = Depends(_own_page(api))

    def caller(request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        session = api.session_of(token) if scheme.lower() == "bearer" else None
        if session is None:
            raise HTTPException(401, "a token of this app is needed", headers={"WWW-Authenticate": "Bearer"})
        return session

    session = Annotated[str, Depends(caller)]

    def stranger(request: Request) -> None:
        if not api.may_try(request.client.host if request.client is not None else ""):
            raise HTTPException(429, "too many tries", headers={"Retry-After": _RETRY_AFTER_S})

    @routes.get("/about")
    async def about() -> Json:
        """What everybody may know."""
        return {"community": api.community, "version": VERSION}

    @routes.get("/logo")
    async def logo() -> Response:
        """The community's sign, where it has one. As a picture alone: a script in it does not run."""
        if api.logo is None:
            raise HTTPException(404, "the community has none")
        return Response(api.logo.data, media_type=api.logo.type, headers=_PICTURE)

    @routes.post("/invite", dependencies=[own_page, Depends(stranger)])
    async def invite(body: InviteBody) -> JSONResponse:
        """Redeem an invitation for a session that is bound to the key. 403: this one lets nobody in."""
        return _shown(await api.invited(body.model_dump()))

    @routes.post("/token", dependencies=[own_page, Depends(stranger)])
    async def token(body: TokenBody) -> JSONResponse:
        """A bearer token for whoever has the session's key. 403 for everybody else."""
        issued = api.token(body.session, body.at_ms, body.signature)
        if issued is None:
            return JSONResponse({"reason": "not_allowed"}, 403, headers=_NO_STORE)
        return JSONResponse({"token": issued[0], "until_ms": issued[1]}, headers=_NO_STORE)

    @routes.get("/state")
    async def state(who: session) -> JSONResponse:
        return _shown(await api.answer(who, "state", {}))

    @routes.get("/history")
    async def history(
        who: session,
        limit: Annotated[int, Field(ge=1, le=100)] = 50,
        before_ms: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None,
    ) -> JSONResponse:
        """Calls and openings of the resident's apartments, newest first."""
        asked = {"limit": limit} if before_ms is None else {"limit": limit, "before_ms": before_ms}
        return _shown(await api.answer(who, "history", asked))

    @routes.get("/passes")
    async def passes(who: session) -> JSONResponse:
        return _shown(await api.answer(who, "passes", {}))

    @routes.post("/passes", dependencies=[own_page])
    async def pass_add(body: PassBody, who: session) -> JSONResponse:
        """A visitor's pass; its value is told this once."""
        return _shown(await api.answer(who, "pass_add", body.model_dump(exclude_none=True)), 201)

    @routes.delete("/passes/{identity}", dependencies=[own_page])
    async def pass_revoke(identity: _Word, who: session) -> JSONResponse:
        return _shown(await api.answer(who, "pass_revoke", {"pass": identity}))

    return routes


def _own_page(api: AppApi) -> Any:
    def check(request: Request) -> None:
        if request.headers.get("origin") != api.origin:
            raise HTTPException(403, "not a page of this address")

    return check


def _shown(reply: Reply, done: int = 200) -> JSONResponse:
    return JSONResponse(dict(reply.body), done if reply.status == 200 else reply.status, headers=_NO_STORE)
