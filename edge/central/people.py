"""What billing, address requests and rosters have in common: a profile comes to an apartment, or leaves it."""

from edge.central.changes import Change, new_thing_id
from edge.central.problems import Invalid
from edge.core import checks
from edge.core.checks import RuleBroken
from models.service import Role


def login_of(phone: str, country: str) -> str:
    """A telephone number as a login: E.164. Raises Invalid."""
    try:
        return checks.phone("phone", phone, country=country)
    except RuleBroken as broken:
        raise Invalid("phone", str(broken)) from broken


def settle(change: Change, login: str, apartment: str, *, first: str = "", last: str = "", mobile: str = "") -> str:
    """The profile of this login lives there: the one that exists is linked, else one is made. Its id."""
    resident = change.named("resident", login)
    if resident is not None:
        change.move_in(resident, apartment)
        return resident
    resident = new_thing_id("resident")
    body = {"login": login, "first": first, "last": last or ("" if first else login), "apartment": apartment}
    change.put("resident", resident, {**body, **({"mobile": mobile} if mobile else {})})
    return resident


def lodge(change: Change, apartment: str, *, first: str, last: str, email: str, mobile: str) -> str:
    """A family member without a login comes to live there; its id."""
    resident = new_thing_id("resident")
    change.put("resident", resident, {
        "first": first, "last": last, "email": email, "mobile": mobile, "apartment": apartment,
        "role": Role.MEMBER.value,
    })  # fmt: skip
    return resident


def leave(change: Change, resident: str, apartment: str) -> None:
    """The profile leaves that apartment with its credentials there; nothing happens where it does not live there."""
    if resident and resident in change.pointing_at("apartment", apartment, "resident"):
        change.move_out(resident, apartment)
