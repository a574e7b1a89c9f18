"""Address requests of residents, as the central store has them: what waits, and what was confirmed."""

from typing import Final

from sqlalchemy import Connection, or_, select

from edge.store.tables import address_request, resident
from models.ids import ApartmentId, ResidentId

MAX_SHOWN: Final = 20  # of one resident, the newest

Requests = dict[ResidentId, tuple[tuple[ApartmentId, str, int], ...]]
"""Apartment, state, when it was made (Unix milliseconds), the newest first."""


def load(connection: Connection) -> Requests:
    """By the resident whose login or telephone number asked."""
    same = or_(resident.c.login == address_request.c.phone, resident.c.mobile == address_request.c.phone)
    query = (
        select(resident.c.id, address_request.c.apartment_id, address_request.c.state, address_request.c.made_at_ms)
        .join(address_request, same & (resident.c.community_id == address_request.c.community_id))
        .order_by(address_request.c.made_at_ms.desc(), address_request.c.id)
    )
    found: dict[ResidentId, list[tuple[ApartmentId, str, int]]] = {}
    for row in connection.execute(query):
        mine = found.setdefault(ResidentId(row.id), [])
        if len(mine) < MAX_SHOWN:
            mine.append((ApartmentId(row.apartment_id), row.state.value, row.made_at_ms))
    return {of: tuple(rows) for of, rows in found.items()}
