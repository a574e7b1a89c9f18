"""Accounts of billing systems: sent here, or asked for."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, ValidationError

from edge.central import billing, billing_sources, lanbilling
from edge.central.api.office import REFUSALS, CallerOf, OfficeOf
from edge.central.billing import MAX_ACCOUNTS_A_REQUEST, Account, Result, Told
from edge.central.billing_sources import MAX_AUTHORIZATION_CHARS, Source
from edge.central.fetching import MAX_URL_CHARS, Unfetched
from edge.central.lanbilling import Unread
from edge.central.problems import Invalid
from edge.central.rights import Right
from models.service import ServiceState

_Id = Annotated[str, Path(max_length=128)]
_Word = Annotated[str, Field(max_length=128)]
_Name = Annotated[str, Field(max_length=64)]

router = APIRouter(prefix="/v1/billing", tags=["billing"], responses=REFUSALS)


class BillingAccount(BaseModel):
    """One address of one client."""

    id: str = Field(min_length=1, max_length=128)
    login: _Word
    building: _Word
    apartment: _Word
    state: Literal["active", "blocked", "off"]
    periodic_service: bool = True
    first: _Name = ""
    last: _Name = ""


class BillingList(BaseModel):
    """Accounts that are new or otherwise. Each is read for itself, so that a bad one holds up no other."""

    community: _Word
    accounts: list[dict[str, Any]] = Field(max_length=MAX_ACCOUNTS_A_REQUEST)
    confirm: bool = False


class Vgroups(BaseModel):
    """Accounts as LANBilling has them (docs/central.md). `service`: the periodic service that an intercom is."""

    vgroups: list[dict[str, Any]] = Field(max_length=MAX_ACCOUNTS_A_REQUEST)
    service: _Word
    confirm: bool = False


class BillingResult(BaseModel):
    """What became of one account."""

    id: str
    result: Literal["processed", "updated", "invalid", "not_found"]
    reason: str = ""


class BillingResults(BaseModel):
    """One for each account, in their order."""

    accounts: list[BillingResult]


class BillingSource(BaseModel):
    """A billing system of LANBilling's shape asked every few seconds. `report`: the results are posted to it."""

    url: str = Field(min_length=1, max_length=MAX_URL_CHARS)
    service: str = Field(min_length=1, max_length=128)
    report: bool = False
    authorization: str = Field(default="", max_length=MAX_AUTHORIZATION_CHARS)


class Pull(BaseModel):
    """Ask now."""

    dry_run: bool = False
    confirm: bool = False


@router.post("/accounts")
async def take_accounts(office: OfficeOf, who: CallerOf, told: BillingList) -> BillingResults:
    """Upsert accounts; every one gets an answer. Accounts that are not named stay as they are."""
    community = await office.community(who, Right.BILLING, told.community)
    rows = [_account(raw) for raw in told.accounts]
    done = await office.change(
        who, Right.BILLING, community, lambda change: billing_sources.take(change, rows, confirm=told.confirm),
        confirm=True,  # it has a guard of its own
    )  # fmt: skip
    return _results(done)


@router.post("/{community}/vgroups")
async def take_vgroups(office: OfficeOf, who: CallerOf, community: _Id, told: Vgroups) -> BillingResults:
    """The same in LANBilling's words."""
    rows = [lanbilling.account(raw, told.service) for raw in told.vgroups]
    done = await office.change(
        who, Right.BILLING, community, lambda change: billing_sources.take(change, rows, confirm=told.confirm),
        confirm=True,  # it has a guard of its own
    )  # fmt: skip
    return _results(done)


@router.get("/{community}/source")
async def show_source(office: OfficeOf, who: CallerOf, community: _Id) -> dict[str, Any]:
    """Which billing system is asked, and what came of it the last time."""
    return await office.read(who, Right.BILLING, community, lambda c: billing_sources.told(c, community))


@router.put("/{community}/source")
async def put_source(office: OfficeOf, who: CallerOf, community: _Id, told: BillingSource) -> dict[str, bool]:
    """Ask this billing system every few seconds. https at public addresses, unless `central.toml` has it."""
    await office.read(who, Right.BILLING, community, lambda _: None)
    try:
        office.billing.fetcher.check(told.url)
    except Unfetched as error:
        raise Invalid(error.reason, str(error)) from error
    source = Source(told.url, told.service, told.report, told.authorization)
    await office.threads.run(billing_sources.put, office.central, who.id, community, source)
    return {"ok": True}


@router.delete("/{community}/source")
async def drop_source(office: OfficeOf, who: CallerOf, community: _Id) -> dict[str, bool]:
    """Ask it no more; what it has made stays."""
    await office.read(who, Right.BILLING, community, lambda _: None)
    await office.threads.run(billing_sources.drop, office.central, who.id, community)
    return {"ok": True}


@router.post("/{community}/pull")
async def pull_accounts(office: OfficeOf, who: CallerOf, community: _Id, told: Pull) -> BillingResults:
    """Ask now; what became of each account."""
    await office.read(who, Right.BILLING, community, lambda _: None)
    return _results(await office.billing.pull(community, who.id, confirm=told.confirm, dry_run=told.dry_run))


def _account(raw: dict[str, Any]) -> Account | Unread:
    try:
        told = BillingAccount.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return Unread(str(raw.get("id", ""))[:128], f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    return Account(
        told.id, told.login, told.building, told.apartment, ServiceState(told.state), told.periodic_service,
        told.first, told.last,
    )  # fmt: skip


def _results(done: list[Told]) -> BillingResults:
    return BillingResults(accounts=[
        BillingResult(id=each.id, result=_WORDS[each.result], reason=each.reason) for each in done
    ])  # fmt: skip


_WORDS: dict[billing.Result, Literal["processed", "updated", "invalid", "not_found"]] = {
    Result.PROCESSED: "processed", Result.UPDATED: "updated", Result.INVALID: "invalid",
    Result.NOT_FOUND: "not_found",
}  # fmt: skip
