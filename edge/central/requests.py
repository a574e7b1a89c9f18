"""Address requests (domain.md §6): a resident names an address, the operator confirms it or not."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from edge.central.changes import Change, listed
from edge.central.people import login_of, settle
from edge.central.problems import CentralProblem, Unknown
from edge.central.tables import address_request
from models.device import DeviceType
from models.ids import new_id
from models.times import rfc3339

MAX_OPEN_OF_ONE_PHONE: Final = 10


class State(enum.Enum):
    """Values are stored. Any but *new* is final."""

    NEW = "new"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


SEEN_BY_RESIDENT: Final = frozenset({State.NEW, State.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a resident says."""

    phone: str = field(repr=False)
    building: str
    apartment: str
    has_handset: bool
    name: str = field(default="", repr=False)


def ask(change: Change, wish: Wish) -> dict[str, Any]:
    """Make a request; one that waits already for the same is told again.

    Raises CentralProblem ``not_connected`` where no intercom is at the address: then no request is made.
    """
    login = login_of(wish.phone, change.rules.community.country)
    home = change.apartment(wish.building, wish.apartment)
    if home is None or not _has_intercom(change, change.get("apartment", home)["building"]):
        raise CentralProblem("not_connected", "the address is not connected yet")
    waiting = list(
        change.connection.execute(
            select(address_request).where(address_request.c.phone == login, address_request.c.state == State.NEW.value)
        )
    )
    for row in waiting:
        if (row.community, row.apartment) == (change.community, home):
            return told(row._asdict())
    if len(waiting) >= MAX_OPEN_OF_ONE_PHONE:
        raise CentralProblem("many", f"at most {MAX_OPEN_OF_ONE_PHONE} requests wait at a time")
    made = {
        "id": new_id("q"), "community": change.community, "apartment": home, "phone": login, "name": wish.name,
        "address": f"{wish.building}/{wish.apartment}", "has_handset": wish.has_handset, "state": State.NEW.value,
        "made_ms": change.now_ms, "changed_ms": change.now_ms,
    }  # fmt: skip
    change.connection.execute(insert(address_request).values(**made))
    _show(change, made)
    change.note("request.ask", request=made["id"], apartment=home)
    return told(made)


def _has_intercom(change: Change, building: str) -> bool:
    """Whether a door of the community serves the building."""
    return any(
        DeviceType(int(body["type"])).is_door
        and (not listed(body.get("buildings")) or building in body["buildings"])
        and not body.get("apartment")
        for body in change.all("device").values()
    )


def confirm(change: Change, identity: str) -> dict[str, Any]:
    """The resident is made or linked and lives there; without a handset the apartment joins the whitelist."""
    row = _end(change, identity, State.CONFIRMED)
    settle(change, row["phone"], row["apartment"], first=row["name"], mobile=row["phone"])
    _show(change, row)
    change.note("request.confirm", request=identity, apartment=row["apartment"])
    change.merge("apartment", row["apartment"], **({"handset": True} if row["has_handset"] else {"whitelisted": True}))
    return told(row)


def refuse(change: Change, identity: str, state: State) -> dict[str, Any]:
    """The operator closes or cancels the request."""
    ended = _end(change, identity, state)
    change.note(f"request.{state.value}", request=identity)
    if change.find("request", identity) is not None:
        change.drop("request", identity)
    return told(ended)


def _show(change: Change, row: Mapping[str, Any]) -> None:
    """The apartment's edges are told, and so the resident's app."""
    change.put("request", row["id"], {
        "phone": row["phone"], "apartment": row["apartment"], "has_handset": row["has_handset"],
        "state": row["state"], "made": rfc3339(row["made_ms"]),
    })  # fmt: skip


def _end(change: Change, identity: str, state: State) -> dict[str, Any]:
    row = change.connection.execute(
        select(address_request).where(address_request.c.id == identity, address_request.c.community == change.community)
    ).one_or_none()
    if row is None:
        raise Unknown("request", "there is no such request")
    if row.state != State.NEW.value:
        raise CentralProblem("final", f"the request is {row.state}")
    ended = {"state": state.value, "changed_ms": change.now_ms}
    change.connection.execute(update(address_request).where(address_request.c.id == identity).values(**ended))
    return {**row._asdict(), **ended}


def community_of(connection: Connection, identity: str) -> str:
    """Raises Unknown."""
    found = connection.execute(select(address_request.c.community).where(address_request.c.id == identity)).scalar()
    if found is None:
        raise Unknown("request", "there is no such request")
    return str(found)


def of_community(connection: Connection, community: str, limit: int) -> list[dict[str, Any]]:
    """For the operator, the newest first."""
    rows = connection.execute(
        select(address_request).where(address_request.c.community == community)
        .order_by(address_request.c.made_ms.desc(), address_request.c.id).limit(limit)
    )  # fmt: skip
    return [told(row._asdict()) for row in rows]


def of_phone(connection: Connection, login: str) -> list[dict[str, Any]]:
    """For the resident: closed and cancelled ones are not seen."""
    rows = connection.execute(
        select(address_request).where(
            address_request.c.phone == login, address_request.c.state.in_([each.value for each in SEEN_BY_RESIDENT])
        )
    )
    return [told(row._asdict()) for row in rows]


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A request as it is answered."""
    names = ("id", "community", "address", "phone", "name", "has_handset", "state", "made_ms", "changed_ms")
    return {name: row[name] for name in names}
