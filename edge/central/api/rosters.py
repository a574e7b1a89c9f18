"""Rosters from property management: sent here, or fetched from where they are."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from edge.central import roster_files, roster_sources, rosters
from edge.central.api.office import REFUSALS, CallerOf, OfficeOf
from edge.central.fetching import MAX_URL_CHARS, Unfetched
from edge.central.problems import Invalid
from edge.central.rights import Right
from edge.central.roster_files import MAX_TEXT_CHARS, RosterLease
from edge.central.roster_sources import MAX_AUTHORIZATION_CHARS, Source
from edge.central.rosters import MAX_LEASES

_Id = Annotated[str, Path(max_length=128)]

router = APIRouter(prefix="/v1/rosters/{community}", tags=["rosters"], responses=REFUSALS)


class Roster(BaseModel):
    """Either `leases`, or the same as `csv` with the names of the fields in its first row."""

    leases: list[RosterLease] = Field(default_factory=list, max_length=MAX_LEASES)
    csv: str = Field(default="", max_length=MAX_TEXT_CHARS)
    dry_run: bool = False
    confirm: bool = False


class RosterSource(BaseModel):
    """Where the roster is: CSV or JSON. `authorization` is the value of that header; it is never told again."""

    url: str = Field(min_length=1, max_length=MAX_URL_CHARS)
    authorization: str = Field(default="", max_length=MAX_AUTHORIZATION_CHARS)


class Pull(BaseModel):
    """Fetch now."""

    dry_run: bool = False
    confirm: bool = False


@router.post("")
async def take_roster(office: OfficeOf, who: CallerOf, community: _Id, told: Roster) -> dict[str, Any]:
    """The whole roster. A dry run says what it would come to. An empty or a short one needs `confirm`."""
    leases = roster_files.from_csv(told.csv) if told.csv else [each.lease() for each in told.leases]
    report = await office.change(
        who, Right.ROSTERS, community, lambda change: rosters.take(change, leases, confirm=told.confirm),
        confirm=True, dry_run=told.dry_run,  # it has a guard of its own
    )  # fmt: skip
    return _told(report, told.dry_run)


@router.get("/source")
async def show_source(office: OfficeOf, who: CallerOf, community: _Id) -> dict[str, Any]:
    """Where the roster is fetched from, and what came of it the last time."""
    return await office.read(who, Right.ROSTERS, community, lambda c: roster_sources.told(c, community))


@router.put("/source")
async def put_source(office: OfficeOf, who: CallerOf, community: _Id, told: RosterSource) -> dict[str, bool]:
    """Fetch the roster there, daily from 02:00 site time. https at public addresses, unless `central.toml` has it."""
    await office.read(who, Right.ROSTERS, community, lambda _: None)
    try:
        office.puller.fetcher.check(told.url)
    except Unfetched as error:
        raise Invalid(error.reason, str(error)) from error
    source = Source(told.url, told.authorization)
    await office.threads.run(roster_sources.put, office.central, who.id, community, source)
    return {"ok": True}


@router.delete("/source")
async def drop_source(office: OfficeOf, who: CallerOf, community: _Id) -> dict[str, bool]:
    """Fetch it no more; what it has made stays."""
    await office.read(who, Right.ROSTERS, community, lambda _: None)
    await office.threads.run(roster_sources.drop, office.central, who.id, community)
    return {"ok": True}


@router.post("/pull")
async def pull_roster(office: OfficeOf, who: CallerOf, community: _Id, told: Pull) -> dict[str, Any]:
    """Fetch the roster now; the same report, guard and dry run as where it is sent."""
    await office.read(who, Right.ROSTERS, community, lambda _: None)
    report = await office.puller.pull(community, who.id, confirm=told.confirm, dry_run=told.dry_run)
    office.watch.changed()
    return _told(report, told.dry_run)


def _told(report: rosters.Report, dry_run: bool) -> dict[str, Any]:
    return {**asdict(report), "stored": report.stored and not dry_run}
