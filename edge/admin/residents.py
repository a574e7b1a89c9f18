"""Residents: one profile each, living at one apartment or several, with the login of their app."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, select, update

from edge.admin.edit import Edit, Reading, Refused, given
from edge.admin.find import find_apartment, find_resident
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.accounts import allocate_resident_number, new_resident_secrets
from edge.store.tables import apartment, binding, building, credential, resident, resident_apartment
from models.ids import ResidentId, new_id
from models.service import Role
from models.times import rfc3339

MAX_RENEWAL_DAYS: Final = 5 * 366
_MS_A_DAY: Final = 86_400_000


def values(edit: Edit, options: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a resident from the options typed, each checked. Raises RuleBroken."""
    found = given(options)
    for field in ("first_name", "last_name"):
        if field in found:
            found[field] = checks.person_name(field, found[field])
    if "email" in found:
        found["email"] = checks.email(found["email"])
    if found.get("mobile"):
        found["mobile"] = checks.phone("mobile", found["mobile"], country=edit.community.country)
    if "language" in found:
        found["language"] = checks.language(found["language"])
    until = found.get("activation_until_ms")
    if until is not None and until > edit.now_ms + MAX_RENEWAL_DAYS * _MS_A_DAY:
        raise RuleBroken("expires", "renewal", "an app is renewed for at most 5 years")
    return found


def add(edit: Edit, apartment_typed: str, *, role: Role | None = None, **options: Any) -> ResidentId:
    """A resident of the apartment. Without *role*: the master if there is none yet, else a member.

    Raises RuleBroken for a second master, Refused for a member under the basic plan, NotFound.
    """
    home = find_apartment(edit, apartment_typed)
    found = values(edit, options)
    if not found.get("first_name") and not found.get("last_name"):
        raise RuleBroken("first_name", "missing", "a resident needs a first or a last name")
    identity = ResidentId(new_id("r"))
    user = allocate_resident_number(edit.connection, edit.community_id)
    login = new_resident_secrets(edit.vault, identity)
    edit.insert(resident, id=identity, community_id=edit.community_id, sip_user=user, **login, **found)
    _move_in(edit, identity, home.id, role)
    edit.note("resident", identity)
    edit.audit("resident.add", apartment=home.id, resident=identity)
    return identity


def _move_in(edit: Edit, identity: str, home: str, role: Role | None) -> None:
    living = edit.connection.execute(
        select(resident_apartment.c.role).where(resident_apartment.c.apartment_id == home)
    ).scalars().all()  # fmt: skip
    if role is None:
        role = Role.MEMBER if Role.MASTER in living else Role.MASTER
    if role is Role.MASTER and Role.MASTER in living:
        raise RuleBroken("role", "one_master", "the apartment has a family master already")
    if role is Role.MEMBER and not edit.premium:
        raise Refused("family members are not part of the basic plan")
    edit.insert(resident_apartment, resident_id=identity, apartment_id=home, role=role)


def set_resident(
    edit: Edit, identity: str, *, add_apartment: str | None = None, remove_apartment: str | None = None, **options: Any
) -> None:
    """Change a profile, or where it lives. A profile lives somewhere: its last apartment can't be taken away."""
    find_resident(edit, identity)
    edit.refuse_if_owned("resident", identity)
    found = values(edit, options)
    if found:
        edit.connection.execute(update(resident).where(resident.c.id == identity).values(**found))
    if add_apartment is not None:
        _add_apartment(edit, identity, add_apartment)
    if remove_apartment is not None:
        _remove_apartment(edit, identity, remove_apartment)
    edit.note("resident", identity)
    edit.audit("resident.set", resident=identity, changed=sorted(found))


def activate_without_end(edit: Edit, identity: str) -> None:
    """Take the end of the app's activation away."""
    edit.refuse_if_owned("resident", identity)
    edit.connection.execute(update(resident).where(resident.c.id == identity).values(activation_until_ms=None))


def _add_apartment(edit: Edit, identity: str, typed: str) -> None:
    home = find_apartment(edit, typed)
    if home.id in apartments_of(edit, identity):
        raise RuleBroken("add_apartment", "duplicate", f"the resident lives at {typed} already")
    _move_in(edit, identity, home.id, None)


def _remove_apartment(edit: Edit, identity: str, typed: str) -> None:
    home = find_apartment(edit, typed)
    if apartments_of(edit, identity) == [home.id]:
        raise RuleBroken("remove_apartment", "last_apartment", "it is the resident's only one: remove the resident")
    _unlink(edit, identity, home.id)


def _unlink(edit: Edit, identity: str, home: str) -> None:
    here = resident_apartment.c
    edit.connection.execute(delete(resident_apartment).where(here.resident_id == identity, here.apartment_id == home))
    mine = delete(credential).where(credential.c.resident_id == identity, credential.c.apartment_id == home)
    for gone in edit.connection.execute(mine.returning(credential.c.id)).scalars().all():
        edit.note("credential", gone)


def apartments_of(edit: Edit, identity: str) -> list[str]:
    query = select(resident_apartment.c.apartment_id).where(resident_apartment.c.resident_id == identity)
    return list(edit.connection.execute(query).scalars())


def new_login(edit: Edit, identity: str) -> None:
    """Another SIP user and password: the app has to be registered anew, and the old login is worth nothing."""
    row = find_resident(edit, identity)
    edit.connection.execute(
        delete(binding).where(binding.c.community_id == edit.community_id, binding.c.sip_user == row.sip_user)
    )
    user = allocate_resident_number(edit.connection, edit.community_id)
    login = new_resident_secrets(edit.vault, ResidentId(identity))
    change = update(resident).where(resident.c.id == identity)
    edit.connection.execute(change.values(sip_user=user, app_registered=False, **login))
    edit.note("resident", identity)


def remove(edit: Edit, identity: str) -> None:
    """The resident with what opens doors in their name."""
    row = find_resident(edit, identity)
    edit.refuse_if_owned("resident", identity)
    edit.audit_now("resident.remove", resident=identity)
    _erase(edit, row)


def _erase(edit: Edit, row: Any) -> None:
    mine = delete(credential).where(credential.c.resident_id == row.id).returning(credential.c.id)
    for gone in edit.connection.execute(mine).scalars().all():
        edit.note("credential", gone)
    edit.connection.execute(
        delete(binding).where(binding.c.community_id == edit.community_id, binding.c.sip_user == row.sip_user)
    )
    edit.connection.execute(delete(resident).where(resident.c.id == row.id))
    edit.note("resident", row.id)


def leave_apartment(edit: Edit, home: str, *, keep_master: bool) -> None:
    """Everybody moves out. Who lives nowhere else is deleted; a kept master loses address data and login."""
    query = select(resident, resident_apartment.c.role).join(
        resident_apartment, resident_apartment.c.resident_id == resident.c.id
    )
    for row in edit.connection.execute(query.where(resident_apartment.c.apartment_id == home)).all():
        elsewhere = len(apartments_of(edit, row.id)) > 1
        if elsewhere:
            _unlink(edit, row.id, home)
            edit.note("resident", row.id)
        elif keep_master and row.role is Role.MASTER:
            edit.connection.execute(update(resident).where(resident.c.id == row.id).values(email="", mobile=""))
            new_login(edit, row.id)
        else:
            _erase(edit, row)


def listed(scope: Reading, apartment_typed: str | None = None, only: str | None = None) -> list[dict[str, Any]]:
    """Rows of `edge resident list --json`: of one apartment, one by its id, or all."""
    query = select(resident).where(resident.c.community_id == scope.community_id)
    query = query.order_by(resident.c.last_name, resident.c.first_name, resident.c.id)
    if only is not None:
        query = query.where(resident.c.id == only)
    homes = _homes(scope)
    wanted = None if apartment_typed is None else find_apartment(scope, apartment_typed).id
    rows = []
    for row in scope.connection.execute(query):
        mine = homes.get(row.id, [])
        if wanted is None or any(home.apartment_id == wanted for home in mine):
            rows.append(_shape(row, mine))
    return rows


def _homes(scope: Reading) -> dict[str, list[Any]]:
    query = (
        select(resident_apartment, building.c.name.label("building"), apartment.c.number)
        .join(apartment, apartment.c.id == resident_apartment.c.apartment_id)
        .join(building, building.c.id == apartment.c.building_id)
        .where(apartment.c.community_id == scope.community_id)
        .order_by(building.c.name, apartment.c.number)
    )
    found: dict[str, list[Any]] = {}
    for row in scope.connection.execute(query):
        found.setdefault(row.resident_id, []).append(row)
    return found


def _shape(row: Any, homes: list[Any]) -> dict[str, Any]:
    until = row.activation_until_ms
    return {
        "id": row.id,
        "first": row.first_name,
        "last": row.last_name,
        "email": row.email,
        "mobile": row.mobile,
        "language": row.language,
        "apartments": [f"{home.building}/{home.number}" for home in homes],
        "role": homes[0].role.value if homes else Role.MEMBER.value,
        "activation": row.activation.value,
        "expires": None if until is None else rfc3339(until),
        "app_registered": row.app_registered,
        "sip_user": row.sip_user,
    }
