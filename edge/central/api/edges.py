"""The protocol that edges speak: enrol, sync, ack, events (docs/sync.md)."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.central import edges
from edge.central.api.office import REFUSALS, Office, OfficeOf
from edge.central.edges import MAX_EVENTS_A_REQUEST
from edge.central.feed import PlaceGone, Question, as_gone
from edge.central.places import Place
from edge.central.problems import Unauthorised
from edge.cloud import tokens
from edge.cloud.wire import public_text

MAX_WAIT_S: Final = 60
AUDIENCE: Final = frozenset({"central"})
_Revision = Annotated[int, Field(ge=0, lt=2**63)]
_EdgeId = Annotated[str, Path(max_length=128)]


class Joining(BaseModel):
    """A one-time code and the key that the edge made."""

    model_config = ConfigDict(extra="ignore")
    code: str = Field(max_length=256)
    public_key: str = Field(max_length=256)
    name: str = Field(default="", max_length=1024)


class Ack(BaseModel):
    """How far an edge is, or what it can't take."""

    model_config = ConfigDict(extra="ignore")
    epoch: str = Field(max_length=128)
    applied: _Revision
    status: Literal["ok", "nack"]
    error: dict[str, Any] | None = None
    devices: list[dict[str, Any]] = Field(default_factory=list, max_length=10_000)
    clock_ms: Annotated[int, Field(ge=0, lt=2**53)] | None = None


class Event(BaseModel):
    """One event of an edge's log; what else it carries is kept as it is."""

    model_config = ConfigDict(extra="allow")
    seq: Annotated[int, Field(ge=1, lt=2**63)]
    at_ms: Annotated[int, Field(ge=-(2**53), lt=2**53)] | None = None
    type: str = Field(default="", max_length=256)


class Events(BaseModel):
    """Events of one database of an edge, ascending."""

    db_id: str = Field(min_length=1, max_length=128)
    events: list[Event] = Field(max_length=MAX_EVENTS_A_REQUEST)


def router(seen: tokens.SeenTokens) -> APIRouter:
    """*seen* remembers the tokens of the last ten minutes."""
    made = APIRouter(tags=["edges"], responses=REFUSALS)

    @made.post("/v1/enrol")
    async def enrol(office: OfficeOf, joining: Joining) -> dict[str, str]:
        """Become the edge that the one-time code is for."""
        edge = await office.threads.run(edges.enrol, office.central, joining.code, joining.public_key, joining.name)
        return {"edge": edge, "central_public_key": public_text(office.feed.public_key)}

    @made.get("/v1/edge/{edge}/sync", response_class=Response, responses=_SYNC)
    async def sync(
        office: OfficeOf, request: Request, edge: _EdgeId,
        since: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        epoch: Annotated[str, Query(max_length=128)] = "",
        wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)] = 0,
        page: Annotated[str | None, Query(max_length=128)] = None,
    ) -> Response:  # fmt: skip
        """What changed since a revision, as soon as something has, but within *wait* seconds."""
        asked = Question(edge, since, epoch, page)
        admitted: Place | None = None

        async def ask() -> bytes | None:
            nonlocal admitted
            place = await office.answers.places.of(edge)
            if admitted is None:
                _admit(office, request, place, seen)
                admitted = place
            elif place.key != admitted.key:
                raise Unauthorised("edge", "another box enrolled as this edge, or it is kept out")
            return await office.answers.to(place, asked)

        try:
            body = await office.watch.until_news(edge, wait, ask)
        except PlaceGone as gone:
            return JSONResponse(as_gone(gone), 410)
        if body is None:
            return Response(status_code=304)
        return Response(body, media_type="application/json", headers={"Content-Encoding": "gzip"})

    @made.post("/v1/edge/{edge}/ack")
    async def ack(office: OfficeOf, request: Request, edge: _EdgeId, told: Ack) -> dict[str, bool]:
        """How far the edge is."""
        _admit(office, request, await office.answers.places.of(edge), seen)
        await office.threads.run(edges.acked, office.central, edge, told.model_dump())
        return {"ok": True}

    @made.post("/v1/edge/{edge}/events")
    async def events(office: OfficeOf, request: Request, edge: _EdgeId, told: Events) -> dict[str, int]:
        """Events, each kept once; `upto` is the newest that is there without a gap."""
        _admit(office, request, await office.answers.places.of(edge), seen)
        rows = [each.model_dump() for each in told.events]
        return {"upto": await office.threads.run(edges.took, office.central, edge, told.db_id, rows)}

    return made


_SYNC: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A snapshot or a delta.", "content": {"application/json": {}}},
    304: {"description": "Nothing new."},
    410: {"description": "The place is gone: fetch a snapshot.", "content": {"application/json": {}}},
}


def _admit(office: Office, request: Request, place: Place, seen: tokens.SeenTokens) -> None:
    """Let in the edge whose token the request carries. Raises Unauthorised."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorised("token", "a token is needed")
    now_s = office.central.clock.now_ms() / 1000
    try:
        claims = tokens.check(token, place.public_key, audiences=AUDIENCE, now_s=now_s)
    except tokens.TokenError as error:
        raise Unauthorised("token", str(error)) from error
    if claims.issuer != place.id or not seen.first_time(claims, now_s):
        raise Unauthorised("token", "the token is another edge's, or was used before")
