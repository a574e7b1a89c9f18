"""The community itself: what it bought, where it is, how its doors take PINs."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select, update

from edge.admin.edit import Edit, Reading, Refused, given
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import community, credential
from models.access import CredentialKind
from models.service import PinMode

_FOR_EVER: Final = ("plan", "permission")
_TEXTS: Final = ("street", "city", "state")


def values(options: dict[str, Any]) -> dict[str, Any]:
    """The columns of a community from the options typed, each checked by itself. Raises RuleBroken."""
    found = given(options)
    if "name" in found:
        found["name"] = checks.name("name", found["name"], may_be_empty=False)
    if "time_zone" in found:
        found["time_zone"] = checks.time_zone(found["time_zone"])
    if "country" in found:
        found["country"] = checks.country(found["country"])
    if "post_code" in found:
        found["post_code"] = checks.post_code(found["post_code"])
    for field in _TEXTS:
        if field in found:
            found[field] = checks.name(field, found[field])
    if "emergency_numbers" in found:
        found["emergency_numbers"] = emergency_numbers(found["emergency_numbers"])
    return found


def emergency_numbers(typed: str | Sequence[str]) -> tuple[str, ...]:
    parts = typed.split(",") if isinstance(typed, str) else typed
    return tuple(dict.fromkeys(checks.emergency_number(part.strip()) for part in parts if part.strip()))


def set_community(edit: Edit, **options: Any) -> None:
    """Change the community. Feature plan and access permission never change; home automation is never turned off."""
    edit.refuse_if_owned("community", edit.community_id)
    found = values(options)
    now = edit.connection.execute(select(community).where(community.c.id == edit.community_id)).one()
    for field in _FOR_EVER:
        if field in found and found[field] is not getattr(now, field):
            raise RuleBroken(field, f"{field}_stays", "never changes after the community is made")
    landline = found.get("landline_service", now.landline_service)
    home_automation = found.get("home_automation", now.home_automation)
    checks.home_automation(now.home_automation, home_automation)
    checks.services(now.plan, landline=landline, home_automation=home_automation)
    if found.get("pin_mode") is PinMode.PIN and now.pin_mode is not PinMode.PIN:
        _refuse_unfit_pins(edit)
    if not found:
        return
    edit.connection.execute(update(community).where(community.c.id == edit.community_id).values(**found))
    edit.note("community", edit.community_id)
    edit.audit("community.set", changed=sorted(found))


def _refuse_unfit_pins(edit: Edit) -> None:
    """A bare PIN must be long enough and name one holder (decision 16)."""
    pins = select(credential).where(
        credential.c.community_id == edit.community_id, credential.c.kind == CredentialKind.PIN
    )
    rows = edit.connection.execute(pins).all()
    short = sum(not row.bare for row in rows)
    tags = select(func.count()).where(
        credential.c.community_id == edit.community_id, credential.c.kind == CredentialKind.PIN
    )
    same = edit.connection.execute(tags.group_by(credential.c.tag).having(func.count() > 1)).scalars().all()
    if short or same:
        raise Refused(
            f"PIN mode stays apt_pin: {short} PINs are shorter than 6 digits and {sum(same)} are not the only one "
            "of their kind; replace them first"
        )


def show(scope: Reading) -> dict[str, Any]:
    """The community as `edge community show --json` prints it."""
    row = scope.connection.execute(select(community).where(community.c.id == scope.community_id)).one()
    shown = {name: value for name, value in row._mapping.items() if name not in ("pin_mode", "plan", "permission")}
    return shown | {
        "plan": row.plan.value,
        "permission": row.permission.value,
        "pin_mode": row.pin_mode.value,
        "date_format": row.date_format.value,
        "charge_mode": row.charge_mode.value,
        "emergency_numbers": list(row.emergency_numbers),
    }
