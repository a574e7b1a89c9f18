"""Changes of many apartments at once, and the guard before them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, func, select

from edge.admin import apartments
from edge.admin.edit import Edit, Refused
from edge.admin.find import find_apartment, find_building
from edge.core.mass_change import mass_changes
from edge.core.service import takes_away
from edge.store.tables import apartment, building
from models.ids import BuildingId
from models.service import ServiceState


def refuse_unconfirmed(edit: Edit, closed: Iterable[str], confirmed: bool) -> None:
    """Raises Refused where closing these apartments (the building's id of each) needs a confirmation there is not."""
    counts = select(apartment.c.building_id, func.count()).where(apartment.c.community_id == edit.community_id)
    sizes = {
        BuildingId(home): count for home, count in edit.connection.execute(counts.group_by(apartment.c.building_id))
    }
    found = mass_changes(map(BuildingId, closed), sizes)
    if not found or confirmed:
        return
    names = {
        row.id: row.name for row in edit.connection.execute(select(building.c.id, building.c.name)) if row.id in sizes
    }
    told = "; ".join(f"{c.closed} of the {c.apartments} apartments of building {names[c.building]}" for c in found)
    raise Refused(f"this would close {told}: say --confirm if that is meant")


def set_services(
    edit: Edit,
    typed: Sequence[str],
    state: ServiceState,
    *,
    whole_building: str | None = None,
    confirmed: bool = False,
) -> int:
    """Set the service state of the apartments *typed*, or of a whole building; how many were named.

    Raises Refused for a mass change that is not confirmed, NotFound, Ambiguous; nothing is changed then.
    """
    rows = [find_apartment(edit, each) for each in typed]
    if whole_building is not None:
        rows += _of(edit, whole_building)
    different = {row.id: row for row in rows}
    closed = [row.building_id for row in different.values() if takes_away(row.service, state)]
    refuse_unconfirmed(edit, closed, confirmed)
    for row in different.values():
        apartments.set_service(edit, f"{row.building}/{row.number}", state)
    return len(different)


def _of(edit: Edit, name: str) -> list[Row[Any]]:
    home = find_building(edit, name)
    query = select(apartment, building.c.name.label("building")).join(building)
    return list(edit.connection.execute(query.where(apartment.c.building_id == home.id)).all())
