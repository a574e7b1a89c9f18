"""Numbers and passwords of devices and apps: allocated here, sealed here."""

import logging
import secrets
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Table, select, update

from edge.store.secrets import SecretsError, Vault, new_password
from edge.store.tables import device, resident
from models.ids import CommunityId, DeviceId, ResidentId, SipUser

# The tables' CHECKs hold the same ranges: unique across both tables without a third.
_DEVICES: Final = range(10_000_000, 50_000_000)
_RESIDENTS: Final = range(50_000_000, 100_000_000)
_MAX_DRAWS: Final = 100

log: Final = logging.getLogger(__name__)


def allocate_device_number(connection: Connection, community: CommunityId) -> SipUser:
    """A free 8-digit SIP user for a device: random, so that nobody can guess the next one."""
    return _free(connection, device, community, _DEVICES)


def allocate_resident_number(connection: Connection, community: CommunityId) -> SipUser:
    """A free 8-digit SIP user for a resident's app."""
    return _free(connection, resident, community, _RESIDENTS)


def device_numbers(connection: Connection, community: CommunityId) -> Iterator[SipUser]:
    """Free numbers for many devices made in one transaction: the taken ones are asked for once."""
    return _many(connection, device, community, _DEVICES)


def resident_numbers(connection: Connection, community: CommunityId) -> Iterator[SipUser]:
    """As `device_numbers`, for residents' apps."""
    return _many(connection, resident, community, _RESIDENTS)


def _many(connection: Connection, table: Table, community: CommunityId, numbers: range) -> Iterator[SipUser]:
    taken = set(connection.execute(select(table.c.sip_user).where(table.c.community_id == community)).scalars())
    while len(taken) < len(numbers):
        drawn = str(numbers.start + secrets.randbelow(len(numbers)))
        if drawn not in taken:
            taken.add(drawn)
            yield SipUser(drawn)


def _free(connection: Connection, table: Table, community: CommunityId, numbers: range) -> SipUser:
    for _ in range(_MAX_DRAWS):
        drawn = str(numbers.start + secrets.randbelow(len(numbers)))
        taken = select(table.c.id).where(table.c.community_id == community, table.c.sip_user == drawn)
        if connection.execute(taken).first() is None:
            return SipUser(drawn)
    raise RuntimeError(f"no free number among {_MAX_DRAWS} drawn: {community} has too many accounts")


def new_device_secrets(vault: Vault, identity: DeviceId) -> dict[str, bytes]:
    """Values for the columns ``sip_password`` and ``mqtt_password`` of a new device."""
    return {name: _seal(vault, "device", name, identity) for name in ("sip_password", "mqtt_password")}


def new_resident_secrets(vault: Vault, identity: ResidentId) -> dict[str, bytes]:
    """The value for the column ``sip_password`` of a new resident."""
    return {"sip_password": _seal(vault, "resident", "sip_password", identity)}


def renew_device_secrets(connection: Connection, vault: Vault, identity: DeviceId) -> None:
    """New passwords for a device; note the change beside it. The old ones stop working."""
    values = new_device_secrets(vault, identity)
    connection.execute(update(device).where(device.c.id == identity).values(**values))


def renew_resident_secrets(connection: Connection, vault: Vault, identity: ResidentId) -> None:
    """As `renew_device_secrets`, for a resident's app (a reset gives it new login data)."""
    values = new_resident_secrets(vault, identity)
    connection.execute(update(resident).where(resident.c.id == identity).values(**values))


def device_sip_password(connection: Connection, vault: Vault, identity: DeviceId) -> str | None:
    """None for a device that is not there. Raises SecretsError where it does not open."""
    return _unsealed(connection, vault, device, "sip_password", identity)


def device_mqtt_password(connection: Connection, vault: Vault, identity: DeviceId) -> str | None:
    return _unsealed(connection, vault, device, "mqtt_password", identity)


def resident_sip_password(connection: Connection, vault: Vault, identity: ResidentId) -> str | None:
    return _unsealed(connection, vault, resident, "sip_password", identity)


def sip_password(connection: Connection, vault: Vault, sip_user: str) -> str | None:
    """Of a device or a resident's app, whichever has this number; None for nobody's."""
    for table in (device, resident):
        owner = connection.execute(select(table.c.id).where(table.c.sip_user == sip_user)).scalar()
        if owner is not None:
            return _unsealed(connection, vault, table, "sip_password", owner)
    return None


def sip_passwords(connection: Connection, vault: Vault) -> dict[SipUser, str]:
    """SIP user -> password of every device and app. One that does not open is left out, and said so."""
    found: dict[SipUser, str] = {}
    for table in (device, resident):
        rows = connection.execute(select(table.c.id, table.c.sip_user, table.c.sip_password))
        for row in rows:
            try:
                password = vault.unseal(bytes(row.sip_password), table=table.name, column="sip_password", row=row.id)
            except SecretsError as error:
                log.error("the password of SIP user %s cannot be read: %s", row.sip_user, error)
            else:
                found[SipUser(row.sip_user)] = password
    return found


def mqtt_passwords(connection: Connection, vault: Vault) -> dict[str, str]:
    """MAC -> MQTT password of every device, for the broker's password file."""
    rows = connection.execute(select(device.c.id, device.c.mac, device.c.mqtt_password)).all()
    return {
        row.mac: vault.unseal(bytes(row.mqtt_password), table="device", column="mqtt_password", row=row.id)
        for row in rows
    }


def _seal(vault: Vault, table: str, column: str, row: str) -> bytes:
    return vault.seal(new_password(), table=table, column=column, row=row)


def _unsealed(connection: Connection, vault: Vault, table: Table, column: str, row: str) -> str | None:
    sealed = connection.execute(select(table.c[column]).where(table.c.id == row)).scalar()
    return None if sealed is None else vault.unseal(bytes(sealed), table=table.name, column=column, row=row)
