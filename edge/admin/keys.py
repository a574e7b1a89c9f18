"""Replacing the keys of a site: the one that seals passwords, and the pepper that tags credentials.

Each replacement is a new file beside the old one, one transaction, and a rename. Whatever is interrupted, both files
are there, both are used, and the same command finishes what was begun.
"""

import secrets as random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select, update

from edge.admin.edit import Admin, Edit, Reading
from edge.store.secrets import (
    KEY_BYTES,
    NEXT,
    PEPPER,
    STORE_KEY,
    SecretsError,
    SiteSecrets,
    Vault,
    identity_of,
    write_new,
)
from edge.store.tables import (
    apartment,
    autop_line,
    building,
    camera,
    credential,
    device,
    enrolment,
    mqtt_login,
    resident,
    store_state,
)

SEALED: Final = (
    (device, "sip_password", "id"),
    (device, "mqtt_password", "id"),
    (resident, "sip_password", "id"),
    (mqtt_login, "password", "name"),
    (camera, "password", "id"),
    (credential, "sealed", "id"),
    (enrolment, "private_key", "community_id"),
    (autop_line, "value", "id"),
)
"""Every column that a vault seals, and what names its row. A test holds it against the tables."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a replacement did. *left*: credentials that still have a tag of an older pepper."""

    id: str
    renewed: int
    left: int = 0


# --- the key that seals passwords -----------------------------------------------------------------------------------


def rotate_key(admin: Admin) -> Rotated:
    """Seal everything anew under a fresh key, in one transaction; then the old key is gone.

    A running daemon takes the new one by itself. Raises SecretsError where something does not open; nothing is changed.
    """
    folder = admin.secrets.folder
    fresh = _fresh(folder, STORE_KEY)
    key_id = identity_of(fresh)
    current = admin.secrets.reloaded()
    with admin.store.write() as connection:
        edit = Edit.begin(connection, current, admin.actor, admin.now_ms())
        renewed = sum(_reseal(connection, current.vault, Vault(fresh)))
        connection.execute(update(store_state).values(key_id=key_id))
        _noted(edit, "secrets.rotate_key", key=key_id, renewed=renewed)
    (folder / (STORE_KEY + NEXT)).replace(folder / STORE_KEY)
    return Rotated(key_id, renewed)


def _reseal(connection: Connection, old: Vault, new: Vault) -> Iterator[int]:
    for table, column, row_name in SEALED:
        sealed, row_id = table.c[column], table.c[row_name]
        rows = connection.execute(select(row_id, sealed).where(sealed.is_not(None))).all()
        for row, content in rows:
            secret = old.unseal(bytes(content), table=table.name, column=column, row=row)
            again = new.seal(secret, table=table.name, column=column, row=row)
            connection.execute(update(table).where(row_id == row).values({column: again}))
        yield len(rows)


# --- the pepper that tags credentials -------------------------------------------------------------------------------


def rotate_pepper(admin: Admin) -> Rotated:
    """Tag with a fresh pepper from now on. What has its value sealed is tagged anew at once; the rest keeps opening by
    its old tag until somebody presents it, or it is issued again.
    """
    folder = admin.secrets.folder
    fresh = _fresh(folder, PEPPER)
    pepper_id = identity_of(fresh)
    current = admin.secrets.reloaded()
    with admin.store.write() as connection:
        edit = Edit.begin(connection, current, admin.actor, admin.now_ms())
        used = connection.execute(select(store_state.c.pepper_id)).scalar_one()
        before = current.peppers(used)[0]
        if before != fresh:
            write_new(folder / f"{PEPPER}.{identity_of(before)}", before)
            old_tags = update(credential).where(credential.c.pepper_id == "")
            connection.execute(old_tags.values(pepper_id=identity_of(before)))
        edit.tagger.renew(fresh)
        renewed = _retag_sealed(edit)
        connection.execute(update(store_state).values(pepper_id=pepper_id))
        left = len(connection.execute(_old_tags(edit.community_id)).all())
        _noted(edit, "secrets.rotate_pepper", pepper=pepper_id, renewed=renewed, left=left)
    (folder / (PEPPER + NEXT)).replace(folder / PEPPER)
    return Rotated(pepper_id, renewed, left)


def _retag_sealed(edit: Edit) -> int:
    c = credential.c
    rows = edit.connection.execute(select(c.id, c.kind, c.sealed).where(c.pepper_id != "", c.sealed.is_not(None))).all()
    for row in rows:
        value = edit.vault.unseal(bytes(row.sealed), table="credential", column="sealed", row=row.id)
        tagged = update(credential).where(c.id == row.id)
        edit.connection.execute(tagged.values(tag=edit.tagger.tag(row.kind, value), pepper_id=""))
    return len(rows)


def drop_pepper(admin: Admin) -> int:
    """Forget older peppers. Credentials that still need one never open again, so they are removed; how many."""
    with admin.edit() as edit:
        gone = edit.connection.execute(_old_tags(edit.community_id)).all()
        edit.connection.execute(
            credential.delete().where(credential.c.community_id == edit.community_id, credential.c.pepper_id != "")
        )
        for row in gone:
            edit.note("credential", row.id)
        _note_secrets(edit, "secrets.drop_pepper", removed=len(gone))
    present = identity_of(admin.secrets.reloaded().pepper)
    for file in admin.secrets.folder.glob(f"{PEPPER}.*"):
        if file.name != PEPPER + NEXT and file.name != f"{PEPPER}.{present}":
            file.unlink()
    return len(gone)


def status(scope: Reading, secrets: SiteSecrets) -> dict[str, Any]:
    """Ids of key and pepper, and which credentials still have a tag of an older pepper."""
    used = scope.connection.execute(select(store_state.c.key_id, store_state.c.pepper_id)).one()
    rows = scope.connection.execute(_old_tags(scope.community_id)).all()
    older = [
        {"id": row.id, "kind": row.kind.value, "apartment": f"{row.building}/{row.number}", "pepper": row.pepper_id}
        for row in rows
    ]
    unfinished = [name for name in (STORE_KEY, PEPPER) if (secrets.folder / (name + NEXT)).exists()]
    return {
        "key_id": used.key_id or secrets.vault.key_id,
        "pepper_id": used.pepper_id or identity_of(secrets.pepper),
        "older_peppers": sorted(path.name.removeprefix(f"{PEPPER}.") for path in _older_files(secrets.folder)),
        "old_tags": older,
        "unfinished": unfinished,
    }


def _old_tags(community: str) -> Any:
    c = credential.c
    return (
        select(c.id, c.kind, c.pepper_id, apartment.c.number, building.c.name.label("building"))
        .join(apartment, apartment.c.id == c.apartment_id)
        .join(building, building.c.id == apartment.c.building_id)
        .where(c.community_id == community, c.pepper_id != "")
        .order_by(building.c.name, apartment.c.number, c.id)
    )


def _older_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob(f"{PEPPER}.*") if path.name != PEPPER + NEXT)


# --- both -----------------------------------------------------------------------------------------------------------


def _fresh(folder: Path, name: str) -> bytes:
    """The successor of the secret *name*: a new one, or the one of a replacement that was interrupted."""
    write_new(folder / (name + NEXT), random.token_bytes(KEY_BYTES))
    fresh = (folder / (name + NEXT)).read_bytes()
    if len(fresh) != KEY_BYTES:
        raise SecretsError(f"{folder / (name + NEXT)} is no key: remove it and begin again")
    return fresh


def _noted(edit: Edit, action: str, **detail: Any) -> None:
    _note_secrets(edit, action, **detail)
    edit.finish()


def _note_secrets(edit: Edit, action: str, **detail: Any) -> None:
    """Whatever runs reads everything anew, keys included."""
    edit.note("secrets", "keys")
    edit.audit(action, **detail)
