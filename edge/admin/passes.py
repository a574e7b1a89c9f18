"""Visitors' passes: a code for a person or a delivery, for a while, that a resident or an installer gives away.

A pass is a credential (a QR code, or a PIN to key in) with a visitor's name; whatever ends the credential ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from edge.admin import credentials
from edge.admin.credentials import NewCredential
from edge.admin.edit import Edit, NotFound, Reading, Refused
from edge.admin.find import find_apartment
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import apartment, building, credential, schedule, visitor_pass
from models.access import CredentialKind, Origin, Purpose
from models.ids import CredentialId
from models.service import PinMode
from models.times import rfc3339

_MS_A_DAY: Final = 86_400_000
MAX_DAYS: Final = {Purpose.VISIT: 366, Purpose.DELIVERY: 14}
"""How long a pass may be valid."""

MAX_PASSES: Final = 100
"""Passes of one apartment that are not over."""

ISSUERS: Final = (Origin.RESIDENT, Origin.INSTALLER)


@dataclass(frozen=True, slots=True)
class NewPass:
    """What was typed. Times are Unix milliseconds, [from, until). *kind*: a QR code, or a PIN."""

    apartment: str
    name: str
    until_ms: int | None
    from_ms: int | None = None
    uses: int | None = None
    schedule: str | None = None
    doors: Sequence[str] = ()
    kind: CredentialKind = CredentialKind.QR
    purpose: Purpose = Purpose.VISIT
    origin: Origin = Origin.INSTALLER


@dataclass(frozen=True, slots=True)
class Issued:
    """A new pass. *value* is shown once; *text* is what to send, with the value in it."""

    id: CredentialId
    value: str
    text: str

    def __repr__(self) -> str:
        return f"Issued({self.id})"


def add(edit: Edit, new: NewPass, *, public_url: str = "") -> Issued:
    """A pass with a random value. *public_url*: of the residents' app, for a link to the code; "" = without a link.

    Raises Refused (plan, too many passes), RuleBroken, NotFound, Ambiguous; nothing is stored then.
    """
    home = find_apartment(edit, new.apartment)
    name = checks.name("name", new.name, may_be_empty=False)
    begins_ms, ends_ms = _times(edit, new)
    _refuse_too_many(edit, home.id)
    uses = new.uses if new.uses is not None or new.purpose is Purpose.VISIT else 1
    added = credentials.add(
        edit,
        NewCredential(
            new.kind, new.apartment, None, valid_from_ms=begins_ms, valid_until_ms=ends_ms, schedule=new.schedule,
            uses=uses, doors=new.doors, origin=new.origin,
        ),
    )  # fmt: skip
    edit.insert(visitor_pass, credential_id=added.id, name=name, purpose=new.purpose)
    value = added.generated or ""
    return Issued(added.id, value, _text(edit, home, new, value, (begins_ms, ends_ms), public_url))


def _times(edit: Edit, new: NewPass) -> tuple[int, int]:
    begins_ms = edit.now_ms if new.from_ms is None else new.from_ms
    if new.until_ms is None:
        raise RuleBroken("until", "pass_end", "a pass has an end")
    if new.until_ms <= edit.now_ms:
        raise RuleBroken("until", "pass_end", "the end is in the past")
    days = MAX_DAYS[new.purpose]
    if new.until_ms - begins_ms > days * _MS_A_DAY:
        raise RuleBroken("until", "pass_too_long", f"a pass for a {new.purpose.value} is valid for at most {days} days")
    if new.origin not in ISSUERS:
        raise RuleBroken("by", "issuer", "a pass is issued by a resident or an installer")
    return begins_ms, new.until_ms


def _refuse_too_many(edit: Edit, home: str) -> None:
    live = select(func.count()).select_from(visitor_pass).join(credential)
    live = live.where(credential.c.apartment_id == home, credential.c.valid_until_ms > edit.now_ms)
    if edit.connection.execute(live).scalar_one() >= MAX_PASSES:
        raise Refused(f"the apartment has {MAX_PASSES} passes already; revoke some")


def _text(edit: Edit, home: Any, new: NewPass, value: str, times: tuple[int, int], public_url: str) -> str:
    """What to send. In a link the code stands behind the #, which no server is sent."""
    begins, ends = (_local(at_ms, edit.community.time_zone) for at_ms in times)
    place = f"{edit.community.name}, apartment {home.building}/{home.number}"
    when = f"valid from {begins} until {ends} ({edit.community.time_zone})"
    if new.kind is CredentialKind.PIN:
        typed = f"{home.number} and {value}" if edit.community.pin_mode is PinMode.APT_PIN else value
        return f"{place}: key in {typed} at the door, {when}."
    shown = f"show the code of {public_url.rstrip('/')}/pass#{value}" if public_url else "show the code"
    return f"{place}: {shown} at the door, {when}."


def _local(at_ms: int, time_zone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")


def revoke(edit: Edit, identity: str) -> None:
    """Dead at every door within a second of the commit. Raises NotFound, also for a credential that is no pass."""
    known = select(visitor_pass.c.credential_id).join(credential).where(
        visitor_pass.c.credential_id == identity, credential.c.community_id == edit.community_id
    )  # fmt: skip
    if edit.connection.execute(known).scalar() is None:
        raise NotFound(f"there is no pass {identity}")
    credentials.remove(edit, identity)


def listed(scope: Reading, now_ms: int, apartment_typed: str | None = None) -> list[dict[str, Any]]:
    """Rows of `edge pass list --json`; never a value."""
    query = (
        select(
            credential, visitor_pass.c.name.label("visitor"), visitor_pass.c.purpose,
            apartment.c.number, building.c.name.label("building"), schedule.c.name.label("schedule"),
        )
        .join(visitor_pass, visitor_pass.c.credential_id == credential.c.id)
        .join(apartment, apartment.c.id == credential.c.apartment_id)
        .join(building, building.c.id == apartment.c.building_id)
        .join(schedule, schedule.c.id == credential.c.schedule_id, isouter=True)
        .where(credential.c.community_id == scope.community_id)
        .order_by(credential.c.valid_until_ms, credential.c.id)
    )  # fmt: skip
    if apartment_typed is not None:
        query = query.where(credential.c.apartment_id == find_apartment(scope, apartment_typed).id)
    return [_shape(row, now_ms) for row in scope.connection.execute(query)]


def _shape(row: Any, now_ms: int) -> dict[str, Any]:
    spent = row.uses_left == 0
    over = row.valid_until_ms is not None and row.valid_until_ms <= now_ms
    return {
        "id": row.id,
        "name": row.visitor,
        "purpose": row.purpose.value,
        "kind": row.kind.value,
        "apartment": f"{row.building}/{row.number}",
        "from": None if row.valid_from_ms is None else rfc3339(row.valid_from_ms),
        "until": None if row.valid_until_ms is None else rfc3339(row.valid_until_ms),
        "schedule": row.schedule,
        "uses_left": row.uses_left,
        "by": row.origin.value,
        "state": "over" if over else "used" if spent else "valid",
    }
