"""What other systems and residents send: billing, address requests, subscriptions."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, ValidationError

from edge.central import billing, communities, operators, requests, subscriptions
from edge.central.api.office import REFUSALS, CallerOf, OfficeOf
from edge.central.billing import MAX_ACCOUNTS_A_REQUEST, Account
from edge.central.problems import CentralProblem
from edge.central.requests import State, Wish
from edge.central.rights import Caller, Right, Role
from models.service import ServiceState

MAX_LISTED: Final = 1_000
_Id = Annotated[str, Path(max_length=128)]
_Word = Annotated[str, Field(max_length=128)]
_Name = Annotated[str, Field(max_length=64)]

router = APIRouter(prefix="/v1", responses=REFUSALS)


# --- billing ---------------------------------------------------------------------------------------------------------


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


class BillingResult(BaseModel):
    """What became of one account."""

    id: str
    result: Literal["processed", "updated", "invalid", "not_found"]
    reason: str = ""


@router.post("/billing/accounts", tags=["billing"])
async def take_accounts(office: OfficeOf, who: CallerOf, told: BillingList) -> dict[str, list[BillingResult]]:
    """Upsert accounts; every one gets an answer. Accounts that are not named stay as they are."""
    community = await _community(office, who, Right.BILLING, told.community)
    good: list[Account] = []
    answers: dict[int, BillingResult] = {}
    for number, raw in enumerate(told.accounts):
        try:
            good.append(_account(BillingAccount.model_validate(raw)))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            answers[number] = BillingResult(id=str(raw.get("id", ""))[:128], result="invalid", reason=reason)
    done = await office.change(
        who, Right.BILLING, community, lambda change: billing.take(change, good, confirm=told.confirm),
        confirm=True,  # it has a guard of its own
    )  # fmt: skip
    rest = iter(done)
    for number in range(len(told.accounts)):
        if number not in answers:
            each = next(rest)
            answers[number] = BillingResult(id=each.id, result=each.result.value, reason=each.reason)
    return {"accounts": [answers[number] for number in range(len(told.accounts))]}


def _account(told: BillingAccount) -> Account:
    return Account(
        told.id, told.login, told.building, told.apartment, ServiceState(told.state), told.periodic_service,
        told.first, told.last,
    )  # fmt: skip


async def _community(office: OfficeOf, who: Caller, right: Right, named: str) -> str:
    """The id of the community of this id or name, if the caller has the right there."""
    community = await office.read(who, right, None, lambda connection: communities.find(connection, named))
    await office.read(who, right, community, lambda _: None)
    return community


# --- address requests ------------------------------------------------------------------------------------------------


class AddressWish(BaseModel):
    """Where somebody lives. *phone*: of the resident, where an operator asks for it."""

    community: _Word
    building: _Word
    apartment: _Word
    has_handset: bool
    phone: str = Field(default="", max_length=32)
    name: _Name = ""


@router.post("/address-requests", tags=["address requests"], status_code=201)
async def ask_for_address(office: OfficeOf, who: CallerOf, told: AddressWish) -> dict[str, Any]:
    """A resident names an address. 409 `not_connected` where no intercom is there: then no request is made."""
    resident = who.role is Role.RESIDENT
    community = await office.read(
        who, Right.ASK_FOR_ADDRESS, None, lambda connection: communities.find(connection, told.community)
    )
    if not resident:
        await office.read(who, Right.REQUESTS, community, lambda _: None)
    wish = Wish(who.login if resident else told.phone, told.building, told.apartment, told.has_handset, told.name)

    def run() -> dict[str, Any]:
        with office.central.change(community, who.id) as change:
            return requests.ask(change, wish)

    return await office.threads.run(run)


@router.get("/address-requests", tags=["address requests"])
async def show_requests(
    office: OfficeOf, who: CallerOf, community: Annotated[str, Query(max_length=128)] = ""
) -> list[dict[str, Any]]:
    """A resident's own requests, or those of a community."""
    if who.role is Role.RESIDENT:
        return await office.read(who, Right.ASK_FOR_ADDRESS, None, lambda c: requests.of_phone(c, who.login))
    site = await _community(office, who, Right.REQUESTS, community)
    return await office.read(who, Right.REQUESTS, site, lambda c: requests.of_community(c, site, MAX_LISTED))


@router.post("/address-requests/{id}/{verb}", tags=["address requests"])
async def end_request(
    office: OfficeOf, who: CallerOf, id: _Id, verb: Literal["confirm", "close", "cancel"]
) -> dict[str, Any]:
    """Confirm, close or cancel a request that is new; any other state is final."""
    community = await office.read(who, Right.REQUESTS, None, lambda c: requests.community_of(c, id))
    if verb == "confirm":
        return await office.change(who, Right.REQUESTS, community, lambda change: requests.confirm(change, id))
    state = State.CLOSED if verb == "close" else State.CANCELLED
    return await office.change(who, Right.REQUESTS, community, lambda change: requests.refuse(change, id, state))


# --- subscriptions ---------------------------------------------------------------------------------------------------


class Subscription(BaseModel):
    """Through which day the resident's app works."""

    until: date


@router.put("/subscriptions/{community}/{resident}", tags=["subscriptions"])
async def subscribe(
    office: OfficeOf, who: CallerOf, community: _Id, resident: _Id, told: Subscription
) -> dict[str, Any]:
    """Activate or renew, for at most five years."""
    mail = await office.change(
        who, Right.SUBSCRIPTIONS, community, lambda change: subscriptions.activate(change, resident, told.until)
    )
    mailed = mail is not None and await office.post(mail)
    return {"resident": resident, "until": told.until.isoformat(), "mailed": mailed}


@router.delete("/subscriptions/{community}/{resident}", tags=["subscriptions"])
async def unsubscribe(office: OfficeOf, who: CallerOf, community: _Id, resident: _Id) -> dict[str, bool]:
    """The app stops now; monitors go on ringing."""
    await office.change(who, Right.SUBSCRIPTIONS, community, lambda change: subscriptions.deactivate(change, resident))
    return {"ok": True}


# --- operators -------------------------------------------------------------------------------------------------------


class LetIn(BaseModel):
    """Whether the installer lets its distributor in."""

    yes: bool


@router.put("/operators/me/lets-in", tags=["operators"])
async def let_in(office: OfficeOf, who: CallerOf, told: LetIn) -> dict[str, bool]:
    """An installer lets its distributor into its communities, or no longer."""
    if who.role is not Role.INSTALLER:
        raise CentralProblem("role", "only an installer has a distributor to let in")
    await office.threads.run(operators.let_in, office.central, who, who.id, told.yes)
    return {"yes": told.yes}


@router.get("/operators", tags=["operators"])
async def show_operators(office: OfficeOf, who: CallerOf) -> list[dict[str, Any]]:
    """Operators below the caller."""
    return await office.read(who, Right.OPERATORS, None, lambda connection: operators.listed(connection, who))
