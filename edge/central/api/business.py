"""What residents ask for and pay for: address requests, subscriptions."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from edge.central import communities, requests, subscriptions
from edge.central.api.office import REFUSALS, CallerOf, OfficeOf
from edge.central.requests import State, Wish
from edge.central.rights import Right, Role

MAX_LISTED: Final = 1_000
_Id = Annotated[str, Path(max_length=128)]
_Word = Annotated[str, Field(max_length=128)]
_Name = Annotated[str, Field(max_length=64)]

router = APIRouter(prefix="/v1", responses=REFUSALS)


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
    site = await office.community(who, Right.REQUESTS, community)
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
