"""Lines of extra configuration that an installer keeps for devices, as they are stored: their values sealed."""

from typing import Any, Final

from sqlalchemy import Connection, Row, and_, or_, select

from edge.store.secrets import Vault
from edge.store.tables import apartment, autop_line
from models.device import Device, Place
from models.tables.provisioning import LinesFor

_ORDER: Final = {scope: number for number, scope in enumerate(LinesFor)}


def opened(vault: Vault, row: Row[Any]) -> str:
    """The value of a *row* of the table. Raises SecretsError."""
    return vault.unseal(bytes(row.value), table=autop_line.name, column="value", row=row.id)


def lines_of(connection: Connection, vault: Vault, device: Device, model: str) -> tuple[tuple[str, str], ...]:
    """Keys and values for *device*, each key once: what is said of one device counts more than what is said of many.

    *model*: as it last said. Raises SecretsError.
    """
    c = autop_line.c
    for_it = [c.scope == LinesFor.COMMUNITY, and_(c.scope == LinesFor.DEVICE, c.device_id == device.id)]
    if device.place is Place.PUBLIC:
        for_it.append(c.scope == LinesFor.PUBLIC)
    if model:
        for_it.append(and_(c.scope == LinesFor.MODEL, c.model == model.lower()))
    if buildings := _buildings(connection, device):
        for_it.append(and_(c.scope == LinesFor.BUILDING, c.building_id.in_(buildings)))
    rows = connection.execute(select(autop_line).where(or_(*for_it))).all()
    kept = {row.key: row for row in sorted(rows, key=lambda row: (_ORDER[row.scope], row.added_at_ms, row.id))}
    return tuple((key, opened(vault, kept[key])) for key in sorted(kept))


def _buildings(connection: Connection, device: Device) -> list[str]:
    """Where it stands; a device of the public area stands in none."""
    if device.place is Place.PUBLIC:
        return []
    if device.apartment is None:
        return sorted(device.buildings or ())
    home = select(apartment.c.building_id).where(apartment.c.id == device.apartment)
    return [str(identity) for identity in connection.execute(home).scalars()]
