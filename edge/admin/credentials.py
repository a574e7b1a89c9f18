"""Credentials: what opens doors for an apartment. A value leaves this module as a keyed tag, or sealed for a panel."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, select

from edge.admin.edit import Edit, NotFound, Reading, Refused
from edge.admin.find import find_apartment, find_device, find_door_group, find_resident, find_schedule
from edge.core import pins, tags
from edge.core.checks import RuleBroken
from edge.store.tables import (
    apartment,
    building,
    credential,
    credential_door,
    credential_door_group,
    device,
    door_group,
    resident_apartment,
    schedule,
)
from models.access import CredentialKind, Home, Origin
from models.ids import CredentialId, new_id
from models.service import PinMode
from models.times import rfc3339

PREMIUM_ONLY: Final = frozenset({CredentialKind.PIN, CredentialKind.QR, CredentialKind.FACE})
"""Can't be managed under the basic plan (decision 7)."""

GENERATED: Final = frozenset({CredentialKind.PIN, CredentialKind.QR})
_QR_BYTES: Final = 18
MAX_USES: Final = 1_000_000
GROUP_PREFIX: Final = "group:"
"""Before the name of a group of doors, where doors are named."""


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What was typed. *value* None = generate one. Times are Unix milliseconds, [from, until)."""

    kind: CredentialKind
    apartment: str
    value: str | None = None
    resident: str | None = None
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    schedule: str | None = None
    uses: int | None = None
    doors: Sequence[str] = ()
    duress: bool = False
    home: Home = Home.EDGE
    origin: Origin = Origin.INSTALLER
    consent: bool = False  # the owner of a face agreed to its use

    def __repr__(self) -> str:
        return f"NewCredential({self.kind.value}, {self.apartment})"  # never the value


@dataclass(frozen=True, slots=True)
class Added:
    """The new credential; *generated* is its value if the edge made it, to be shown once."""

    id: CredentialId
    generated: str | None = None

    def __repr__(self) -> str:
        return f"Added({self.id})"


def add(edit: Edit, new: NewCredential) -> Added:
    """Raises Refused (plan, PIN policy), RuleBroken, NotFound, Ambiguous; nothing is stored then."""
    if new.kind in PREMIUM_ONLY and not edit.premium:
        raise Refused(f"a {new.kind.value} can't be managed under the basic plan")
    home = find_apartment(edit, new.apartment)
    _check(edit, new, home.id)
    value = _generated(edit, new, home) if new.value is None else _checked_value(edit, new, home)
    identity = CredentialId(new_id("k"))
    sealed = None
    if new.home is not Home.EDGE:
        sealed = edit.vault.seal(value, table="credential", column="sealed", row=identity)
    edit.insert(
        credential, id=identity, community_id=edit.community_id, kind=new.kind,
        tag=edit.tagger.tag(new.kind, value), sealed=sealed,
        bare=new.kind is not CredentialKind.PIN or pins.bare(value),
        apartment_id=home.id, resident_id=new.resident, valid_from_ms=new.valid_from_ms,
        valid_until_ms=new.valid_until_ms,
        schedule_id=None if new.schedule is None else find_schedule(edit, new.schedule).id,
        uses_left=new.uses, duress=new.duress, origin=new.origin, home=new.home,
        hint=tags.hint(new.kind, value), created_at_ms=edit.now_ms,
        consent_at_ms=edit.now_ms if new.consent else None,
    )  # fmt: skip
    _narrow(edit, identity, new.doors)
    edit.note("credential", identity)
    consent = {"consent": new.consent} if new.kind is CredentialKind.FACE else {}
    about: dict[str, Any] = {"credential": identity, "kind": new.kind.value, **consent}
    edit.audit("credential.add", apartment=home.id, resident=new.resident, **about)
    return Added(identity, value if new.value is None else None)


def _narrow(edit: Edit, identity: str, doors: Sequence[str]) -> None:
    """To the doors named, and to groups of doors, whose later members are included."""
    groups = [door.removeprefix(GROUP_PREFIX).strip() for door in doors if door.startswith(GROUP_PREFIX)]
    single = [door for door in doors if not door.startswith(GROUP_PREFIX)]
    for table, column, found in (
        (credential_door, "device_id", [find_device(edit, door).id for door in single]),
        (credential_door_group, "group_id", [find_door_group(edit, group).id for group in groups]),
    ):
        rows = [{"credential_id": identity, column: each} for each in dict.fromkeys(found)]
        if rows:
            edit.connection.execute(insert(table), rows)


def _check(edit: Edit, new: NewCredential, home: str) -> None:
    if new.resident is not None:
        find_resident(edit, new.resident)
        here = select(resident_apartment.c.resident_id).where(
            resident_apartment.c.resident_id == new.resident, resident_apartment.c.apartment_id == home
        )
        if edit.connection.execute(here).scalar() is None:
            raise RuleBroken("resident", "resident_elsewhere", f"{new.resident} does not live at {new.apartment}")
    if new.duress and new.kind is not CredentialKind.PIN:
        raise RuleBroken("duress", "duress", "duress is a flag of a PIN")
    if new.consent and new.kind is not CredentialKind.FACE:
        raise RuleBroken("consent", "consent", "consent is asked for a face")
    if new.uses is not None and new.home is Home.PANEL:  # with both, the edge decides and counts
        raise RuleBroken("uses", "uses_at_panel", "only the edge counts uses: a panel alone can't hold this credential")
    if new.uses is not None and not 1 <= new.uses <= MAX_USES:
        raise RuleBroken("uses", "uses", f"{new.uses} is not a number of uses, 1 to {MAX_USES}")
    ends = new.valid_from_ms is not None and new.valid_until_ms is not None
    if ends and new.valid_from_ms >= new.valid_until_ms:  # type: ignore[operator]  # ends says that both are there
        raise RuleBroken("until", "validity", "the end must be after the beginning")


def _checked_value(edit: Edit, new: NewCredential, home: Any) -> str:
    """The value typed, in the one spelling of its kind."""
    typed = new.value or ""
    value = tags.normalised(new.kind, typed)
    if new.kind is CredentialKind.PIN:
        objection = pins.objection(typed, edit.community.pin_mode, home.number)
        if objection is not None:
            raise Refused(f"this PIN is refused: {objection}")
    if value is None:
        raise RuleBroken("value", "value", f"this can't be the value of a {new.kind.value}: {_SPELLINGS[new.kind]}")
    if _taken(edit, new.kind, value, home.id):
        if new.kind is CredentialKind.PIN:
            raise Refused("this PIN is refused: it is taken")
        raise RuleBroken("value", "duplicate", f"this {new.kind.value} is there already")
    return value


_SPELLINGS: Final = {
    CredentialKind.PIN: "digits 0-9",
    CredentialKind.RF_CARD: "hexadecimal digits, at most 128",
    CredentialKind.NFC: "hexadecimal digits, at most 128",
    CredentialKind.FACE: "a reference of 1 to 128 characters",
    CredentialKind.BLUETOOTH: "a reference of 1 to 128 characters",
    CredentialKind.QR: "1 to 128 characters",
}


def _taken(edit: Edit, kind: CredentialKind, value: str, home: str) -> bool:
    """Whether the value is in use: in the community, or, for a PIN in APT+PIN mode, in the apartment."""
    query = select(credential.c.id).where(
        credential.c.community_id == edit.community_id,
        credential.c.kind == kind,
        credential.c.tag.in_(edit.tagger.tags(kind, value)),
    )
    if kind is CredentialKind.PIN and edit.community.pin_mode is PinMode.APT_PIN:
        query = query.where(credential.c.apartment_id == home)
    return edit.connection.execute(query).first() is not None


def _generated(edit: Edit, new: NewCredential, home: Any) -> str:
    if new.kind is CredentialKind.QR:
        return secrets.token_urlsafe(_QR_BYTES)
    if new.kind is not CredentialKind.PIN:
        raise RuleBroken("value", "value_missing", f"a {new.kind.value} can't be generated: give its value")
    mode = edit.community.pin_mode
    in_use = select(func.count()).where(
        credential.c.community_id == edit.community_id, credential.c.kind == CredentialKind.PIN
    )
    digits = pins.digits_for(mode, edit.connection.execute(in_use).scalar_one())
    for _ in range(pins.MAX_DRAWS):
        pin = f"{secrets.randbelow(10**digits):0{digits}}"
        if pins.objection(pin, mode, home.number) is None and not _taken(edit, CredentialKind.PIN, pin, home.id):
            return pin
    raise pins.NoPinLeft(f"no free PIN of {digits} digits was found in {pins.MAX_DRAWS} draws")


def remove(edit: Edit, identity: str) -> None:
    """Dead at every door within a second of the commit. Raises NotFound."""
    row = edit.connection.execute(
        select(credential).where(credential.c.community_id == edit.community_id, credential.c.id == identity)
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no credential {identity}")
    edit.refuse_if_owned("credential", identity)
    edit.connection.execute(delete(credential).where(credential.c.id == identity))
    edit.note("credential", identity)
    edit.audit(
        "credential.remove", apartment=row.apartment_id, resident=row.resident_id, credential=identity,
        kind=row.kind.value,
    )  # fmt: skip


def listed(scope: Reading, apartment_typed: str | None = None) -> list[dict[str, Any]]:
    """Rows of `edge credential list --json`: never a value, of a card its last 4 characters."""
    query = (
        select(credential, apartment.c.number, building.c.name.label("building"), schedule.c.name.label("schedule"))
        .join(apartment, apartment.c.id == credential.c.apartment_id)
        .join(building, building.c.id == apartment.c.building_id)
        .join(schedule, schedule.c.id == credential.c.schedule_id, isouter=True)
        .where(credential.c.community_id == scope.community_id)
        .order_by(building.c.name, apartment.c.number, credential.c.kind, credential.c.id)
    )
    if apartment_typed is not None:
        query = query.where(credential.c.apartment_id == find_apartment(scope, apartment_typed).id)
    doors: dict[str, list[str]] = {}
    narrowed = select(credential_door.c.credential_id, device.c.mac, credential_door.c.device_id).join(
        device, device.c.id == credential_door.c.device_id, isouter=True
    )
    for row in scope.connection.execute(narrowed):
        doors.setdefault(row.credential_id, []).append(row.mac or f"removed:{row.device_id}")
    groups = select(credential_door_group.c.credential_id, door_group.c.name).join(
        door_group, door_group.c.id == credential_door_group.c.group_id
    )
    for identity, name in scope.connection.execute(groups):
        doors.setdefault(identity, []).append(GROUP_PREFIX + name)
    return [_shape(row, doors.get(row.id, [])) for row in scope.connection.execute(query)]


def _shape(row: Any, doors: list[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind.value,
        "apartment": f"{row.building}/{row.number}",
        "resident": row.resident_id,
        "value": f"…{row.hint}" if row.hint else "",
        "from": None if row.valid_from_ms is None else rfc3339(row.valid_from_ms),
        "until": None if row.valid_until_ms is None else rfc3339(row.valid_until_ms),
        "schedule": row.schedule,
        "uses_left": row.uses_left,
        "doors": sorted(doors),
        "duress": row.duress,
        "home": row.home.value,
        "by": row.origin.value,
        "consent": None if row.consent_at_ms is None else rfc3339(row.consent_at_ms),
    }
