"""Buildings."""

from typing import Any

from sqlalchemy import delete, func, select, update

from edge.admin import apartments
from edge.admin.edit import Edit, Reading
from edge.admin.find import find_building, must_be_free
from edge.core import checks
from edge.store.tables import apartment, building, device_building
from models.ids import BuildingId, new_id


def add(edit: Edit, name: str) -> BuildingId:
    """Raises RuleBroken for a name that is not fit or taken."""
    name = checks.building_name(name)
    wanted = select(building.c.id).where(building.c.community_id == edit.community_id, building.c.name == name)
    must_be_free(edit.connection.execute(wanted).scalar(), "building", f"building {name}")
    identity = BuildingId(new_id("b"))
    edit.insert(building, id=identity, community_id=edit.community_id, name=name)
    edit.note("building", identity)
    edit.audit("building.add", building=name)
    return identity


def rename(edit: Edit, name: str, new_name: str) -> None:
    """Raises RuleBroken for a new name that is not fit or taken, NotFound."""
    row = find_building(edit, name)
    edit.refuse_if_owned("building", row.id)
    new_name = checks.building_name(new_name)
    wanted = select(building.c.id).where(
        building.c.community_id == edit.community_id, building.c.name == new_name, building.c.id != row.id
    )
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"building {new_name}")
    edit.connection.execute(update(building).where(building.c.id == row.id).values(name=new_name))
    edit.note("building", row.id)
    edit.audit("building.set", building=new_name, was=row.name)


def holds(scope: Reading, name: str) -> int:
    """How many apartments would go with the building. Raises NotFound."""
    row = find_building(scope, name)
    query = select(func.count()).select_from(apartment).where(apartment.c.building_id == row.id)
    return int(scope.connection.execute(query).scalar_one())


def remove(edit: Edit, name: str) -> None:
    """The building with its apartments and all that is theirs; doors that served only it serve nobody then."""
    row = find_building(edit, name)
    edit.refuse_if_owned("building", row.id)
    for home in edit.connection.execute(select(apartment).where(apartment.c.building_id == row.id)).all():
        apartments.remove(edit, f"{row.name}/{home.number}")
    served = select(device_building.c.device_id).where(device_building.c.building_id == row.id)
    for door in edit.connection.execute(served).scalars().all():
        edit.note("device", door)
    edit.connection.execute(delete(building).where(building.c.id == row.id))
    edit.note("building", row.id)
    edit.audit("building.remove", building=row.name)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge building list --json`."""
    homes = select(func.count()).where(apartment.c.building_id == building.c.id).scalar_subquery()
    query = select(building.c.id, building.c.name, homes.label("apartments"))
    query = query.where(building.c.community_id == scope.community_id).order_by(building.c.name)
    return [dict(row._mapping) for row in scope.connection.execute(query)]
