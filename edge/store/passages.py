"""Who was last seen going into an area or out of it."""

from typing import Final

from sqlalchemy import Connection, select, text

from edge.core.passage import Passage, StoredPassage
from edge.store.tables import whereabouts
from models.ids import AreaId

# An area that was removed meanwhile is passed over.
_SAVE: Final = text(
    "INSERT INTO whereabouts (holder, area_id, inside, era, at_ms)"
    " SELECT :holder, area.id, :inside, :era, :at_ms FROM area WHERE area.id = :area"
    " ON CONFLICT (holder, area_id) DO UPDATE SET inside = excluded.inside, era = excluded.era, at_ms = excluded.at_ms"
)


def save_passage(connection: Connection, passage: Passage, at_ms: int) -> None:
    told = {"holder": passage.holder, "area": passage.area, "inside": passage.inside, "era": passage.era}
    connection.execute(_SAVE, {**told, "at_ms": at_ms})


def load_passages(connection: Connection) -> tuple[StoredPassage, ...]:
    """All of them, the oldest first."""
    columns = (whereabouts.c.holder, whereabouts.c.area_id, whereabouts.c.inside, whereabouts.c.era)
    rows = connection.execute(select(*columns, whereabouts.c.at_ms).order_by(whereabouts.c.at_ms))
    return tuple(
        StoredPassage(Passage(holder, AreaId(area), inside, era), at_ms) for holder, area, inside, era, at_ms in rows
    )
