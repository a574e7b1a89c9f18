"""Communities and their things: what installers and managers change."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from edge.admin.sheet import Sheet
from edge.central import communities, edges, importing
from edge.central.api.office import REFUSALS, CallerOf, Office, OfficeOf
from edge.central.api.uploads import received
from edge.central.changes import Change, new_thing_id
from edge.central.queries import audit_of, events_of, things_of
from edge.central.rights import Caller, Right
from edge.cloud.wire import MAX_ID_CHARS

Kind = Literal["mac", "schedule", "building", "apartment", "device", "relay", "resident", "credential", "whitelist"]
_Id = Annotated[str, Path(max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x20\x7f/]+$")]
_PEOPLE: Final = frozenset({"resident", "credential"})
MAX_LISTED: Final = 1_000
MAX_CHANGES: Final = 20_000
MAX_SHEET_CHARS: Final = 16 * 1024 * 1024


class NewCommunity(BaseModel):
    """A community's own fields, as `edge community set` names them."""

    name: str = Field(min_length=1, max_length=200)
    time_zone: str = Field(min_length=1, max_length=64)
    fields: dict[str, Any] = Field(default_factory=dict)


class OneChange(BaseModel):
    """A thing as it is to be; without `body` it goes."""

    kind: Kind
    id: str | None = Field(default=None, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x20\x7f/]+$")
    body: dict[str, Any] | None = None


class Changes(BaseModel):
    """Several changes in one transaction."""

    changes: list[OneChange] = Field(max_length=MAX_CHANGES)
    confirm: bool = False


class SheetText(BaseModel):
    """The installers' template as CSV text."""

    csv: str = Field(max_length=MAX_SHEET_CHARS)
    dry_run: bool = False


def _right(kind: str, gone: bool = False) -> Right:
    if kind not in _PEOPLE:
        return Right.EDIT_SITE
    return Right.DELETE_PEOPLE if gone else Right.EDIT_PEOPLE


router = APIRouter(prefix="/v1/communities", tags=["sites"], responses=REFUSALS)


@router.post("", status_code=201)
async def add_community(office: OfficeOf, who: CallerOf, new: NewCommunity) -> dict[str, str]:
    """Make a community. The name gets a suffix where another has it already."""
    await office.read(who, Right.ADD_COMMUNITY, None, lambda _: None)
    body = {**new.fields, "name": new.name, "time_zone": new.time_zone}
    identity, name = await office.threads.run(communities.add, office.central, who.id, body, installer=who.installer)
    return {"id": identity, "name": name}


@router.get("/{community}/edges")
async def show_edges(office: OfficeOf, who: CallerOf, community: _Id) -> list[dict[str, Any]]:
    """Each edge, how far it is behind, and what it can't take."""
    return await office.read(who, Right.EDGES, community, lambda c: edges.listed(c, community))


@router.post("/{community}/edges", status_code=201)
async def add_edge(
    office: OfficeOf, who: CallerOf, community: _Id, name: Annotated[str, Query(min_length=1, max_length=128)]
) -> dict[str, str]:
    """Make an edge; the code is told this once and is good for ten minutes."""
    await office.read(who, Right.EDGES, community, lambda _: None)
    identity, code = await office.threads.run(edges.add, office.central, who.id, community, name)
    office.watch.changed()
    return {"edge": identity, "code": code}


@router.get("/{community}/things/{kind}")
async def show_things(
    office: OfficeOf, who: CallerOf, community: _Id, kind: Kind,
    after: Annotated[str, Query(max_length=MAX_ID_CHARS)] = "",
) -> list[dict[str, Any]]:  # fmt: skip
    """At most 1,000 things of a kind by their ids, those after *after*. A credential's value is not told."""
    return await office.read(who, Right.SEE_SITE, community, lambda c: things_of(c, community, kind, after, MAX_LISTED))


@router.put("/{community}/things/{kind}/{id}")
async def put_thing(
    office: OfficeOf, who: CallerOf, community: _Id, kind: Kind, id: _Id, body: dict[str, Any]
) -> dict[str, Any]:
    """Make a thing so."""

    def put(change: Change) -> int:
        change.put(kind, id, body)
        return change.rev

    return {"id": id, "rev": await office.change(who, _right(kind), community, put)}


@router.delete("/{community}/things/{kind}/{id}")
async def drop_thing(
    office: OfficeOf, who: CallerOf, community: _Id, kind: Kind, id: _Id, confirm: bool = False
) -> dict[str, Any]:
    """A thing goes, and with it what can't be without it."""

    def drop(change: Change) -> int:
        change.drop(kind, id)
        return change.rev

    rev = await office.change(who, _right(kind, gone=True), community, drop, confirm=confirm)
    return {"id": id, "rev": rev}


@router.post("/{community}/changes")
async def change_things(office: OfficeOf, who: CallerOf, community: _Id, told: Changes) -> dict[str, Any]:
    """Several things in one transaction: all of them or none."""
    rights = {_right(each.kind, each.body is None) for each in told.changes}
    await _need_all(office, who, community, rights)

    def run(change: Change) -> dict[str, Any]:
        ids = []
        for each in told.changes:
            ids.append(each.id or new_thing_id(each.kind))
            if each.body is None:
                change.drop(each.kind, ids[-1])
            else:
                change.put(each.kind, ids[-1], each.body)
        return {"rev": change.rev, "ids": ids}

    return await office.change(who, Right.SEE_SITE, community, run, confirm=told.confirm)


async def _need_all(office: OfficeOf, who: Caller, community: str, rights: set[Right]) -> None:
    for right in rights:
        await office.read(who, right, community, lambda _: None)


@router.post("/{community}/import")
async def import_text(office: OfficeOf, who: CallerOf, community: _Id, told: SheetText) -> dict[str, Any]:
    """The installers' template: all of it or nothing, with every bad cell named."""
    await office.read(who, Right.EDIT_SITE, community, lambda _: None)
    sheet = await office.threads.run(importing.sheet_of, told.csv)
    return await _import(office, who, community, sheet, told.dry_run)


_FILE: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.post("/{community}/import/file", openapi_extra={"requestBody": {"required": True, "content": _FILE}})
async def import_file(
    office: OfficeOf, who: CallerOf, community: _Id, request: Request, dry_run: bool = False
) -> dict[str, Any]:
    """The same as a file, CSV or XLSX, as the body. At most 64 MiB, 256 MiB unzipped and 50,000 rows."""
    await office.read(who, Right.EDIT_SITE, community, lambda _: None)
    async with received(request) as file:
        sheet = await office.threads.run(importing.open_sheet, file)  # before the transaction: it may take seconds
    return await _import(office, who, community, sheet, dry_run)


async def _import(office: Office, who: Caller, community: str, sheet: Sheet, dry_run: bool) -> dict[str, Any]:
    return await office.change(
        who, Right.EDIT_SITE, community, lambda change: importing.import_sheet(change, sheet), dry_run=dry_run
    )


@router.get("/{community}/events")
async def show_events(
    office: OfficeOf, who: CallerOf, community: _Id,
    after_ms: Annotated[int, Query(ge=0, lt=2**53)] = 0, type: Annotated[str, Query(max_length=128)] = "",
) -> list[dict[str, Any]]:  # fmt: skip
    """At most 1,000 events of the community's edges that were received later than *after_ms*."""
    return await office.read(
        who, Right.SEE_LOGS, community, lambda c: events_of(c, community, after_ms, type, MAX_LISTED)
    )


@router.get("/{community}/audit")
async def show_audit(
    office: OfficeOf, who: CallerOf, community: _Id,
    before_ms: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """At most 1,000 changes of the community with who made them, the newest first, those before *before_ms*."""
    return await office.read(who, Right.SEE_LOGS, community, lambda c: audit_of(c, community, before_ms, MAX_LISTED))
