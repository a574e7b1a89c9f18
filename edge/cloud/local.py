"""What is stored here, as far as an answer of the central store touches it: rows as they are in the tables.

No types between the driver and the value: a snapshot brings a hundred thousand rows to compare.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, TableClause, column, func, select, table

from edge.cloud.things import COLUMNS, Row
from models.ids import CommunityId

_IDS_AT_ONCE: Final = 500
_ROWS_AT_ONCE: Final = 2_000
KEYED_BY_THEMSELVES: Final = frozenset({"mac", "whitelist", "community"})
"""Kinds that are called here by what they are, whatever the central store calls them."""


def plain(name: str, *names: str) -> TableClause:
    return table(name, *(column(each) for each in names))


TABLES: Final[Mapping[str, TableClause]] = {
    "mac": plain("mac_library", "community_id", "mac", "added_at_ms"),
    "schedule": plain("schedule", "id", "community_id", "name"),
    "building": plain("building", "id", "community_id", "name"),
    "apartment": plain(
        "apartment", "id", "community_id", "service_since_ms", "connection", "armed", *COLUMNS["apartment"]
    ),
    "device": plain(
        "device", "id", "community_id", "sip_user", "sip_password", "mqtt_password", "arming", *COLUMNS["device"]
    ),
    "relay": plain("relay", "id", *COLUMNS["relay"]),
    "resident": plain(
        "resident", "id", "community_id", "app_registered", "sip_user", "sip_password", *COLUMNS["resident"]
    ),
    "credential": plain(
        "credential", "id", "community_id", "uses_left", "sealed", "pepper_id", "created_at_ms",
        *COLUMNS["credential"],
    ),
    "whitelist": plain("caller_whitelist", "community_id", "number", *COLUMNS["whitelist"]),
    "request": plain("address_request", "id", "community_id", *COLUMNS["request"]),
}  # fmt: skip
IDS: Final[Mapping[str, str]] = {kind: "id" for kind in TABLES} | {"mac": "mac", "whitelist": "number"}
"""Which column names a thing of a kind."""

PARTS: Final[Mapping[str, tuple[TableClause, str, tuple[str, ...]]]] = {
    "landline": (plain("landline", "apartment_id", "position", "number"), "apartment_id", ("position", "number")),
    "resident_apartment": (
        plain("resident_apartment", "resident_id", "apartment_id", "role"), "resident_id", ("apartment_id", "role"),
    ),
    "schedule_row": (
        plain("schedule_row", "schedule_id", "weekday", "from_minute", "to_minute"), "schedule_id",
        ("weekday", "from_minute", "to_minute"),
    ),
    "schedule_day": (plain("schedule_day", "schedule_id", "day", "spans"), "schedule_id", ("day", "spans")),
    "device_building": (plain("device_building", "device_id", "building_id"), "device_id", ("building_id",)),
    "credential_door": (plain("credential_door", "credential_id", "device_id"), "credential_id", ("device_id",)),
}  # fmt: skip
"""Tables that hang on a thing: table, column that names the thing, the others."""

PARTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "apartment": ("landline",),
    "resident": ("resident_apartment",),
    "schedule": ("schedule_row", "schedule_day"),
    "device": ("device_building",),
    "credential": ("credential_door",),
}
COMMUNITY: Final = plain(
    "community", "id", "name", "street", "city", "state", "post_code", "country", "time_zone", "plan", "permission",
    "pin_mode", "date_format", "charge_mode", "landline_service", "home_automation", "community_calls",
    "twelve_hour_clock", "send_expiration_mail", "send_renew_mail", "planned_apartments", "emergency_numbers",
)  # fmt: skip
SYNC_ITEM: Final = plain("sync_item", "community_id", "kind", "id", "rev", "central_id", "uses")


@dataclass(frozen=True, slots=True)
class Owned:
    """What the central store gave of a thing."""

    key: str
    rev: int
    uses: int | None


class Local:
    """One consistent state of the store: of everything, or of what is asked for."""

    def __init__(self, connection: Connection, community_id: CommunityId, *, whole: bool) -> None:
        self.connection = connection
        self.community_id = community_id
        self.whole = whole

    # --- what the central store owns ---------------------------------------------------------------------------------

    def owned(self, kind: str, ids: Collection[str]) -> dict[str, Owned]:
        """Central id -> what it gave, of those *ids*, or of all where everything is read."""
        narrow = not self.whole and kind not in KEYED_BY_THEMSELVES
        found: dict[str, Owned] = {}
        for row in self._sync_items(kind, ids if narrow else None):
            found[row.central_id or row.id] = Owned(row.id, row.rev, row.uses)
        return found

    def owners(self, kind: str, keys: Collection[str]) -> frozenset[str]:
        """Those of *keys* (as things are called here) that the central store owns."""
        return frozenset(row.id for row in self._sync_items(kind, keys))

    def _sync_items(self, kind: str, ids: Collection[str] | None) -> Iterator[Any]:
        c = SYNC_ITEM.c
        query = select(c.id, c.rev, c.central_id, c.uses).where(c.community_id == self.community_id, c.kind == kind)
        yield from self._run(query, c.id, ids)

    @cached_property
    def community(self) -> Mapping[str, Any]:
        """Columns of the community."""
        query = select(COMMUNITY).where(COMMUNITY.c.id == self.community_id)
        return self.connection.execute(query).one()._asdict()

    # --- things ------------------------------------------------------------------------------------------------------

    def rows(self, kind: str, keys: Collection[str]) -> dict[str, Row]:
        """Key -> COLUMNS, of those *keys*, or of all where everything is read."""
        of = TABLES[kind]
        query = select(of.c[IDS[kind]], *(of.c[name] for name in COLUMNS[kind])).where(self._mine(kind))
        wanted = None if self.whole else keys
        return {row[0]: tuple(row[1:]) for row in self._run(query, of.c[IDS[kind]], wanted)}

    def parts(self, name: str, keys: Collection[str]) -> dict[str, tuple[Row, ...]]:
        """Key of a thing -> its rows in the table *name*, sorted."""
        of, owner, columns = PARTS[name]
        query = select(of.c[owner], *(of.c[each] for each in columns))
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self._run(query, of.c[owner], None if self.whole else keys):
            found[row[0]].append(tuple(row[1:]))
        return {key: tuple(sorted(rows)) for key, rows in found.items()}

    def there(self, kind: str, keys: Collection[str]) -> set[str]:
        """Those of *keys* that are stored."""
        of = TABLES[kind]
        query = select(of.c[IDS[kind]]).where(self._mine(kind))
        return {row[0] for row in self._run(query, of.c[IDS[kind]], keys)}

    def having(self, kind: str, name: str, values: Collection[Any], *columns: str) -> list[Any]:
        """Rows (key, *columns*) of the things whose column *name* is one of *values*."""
        of = TABLES[kind]
        query = select(of.c[IDS[kind]], *(of.c[each] for each in columns)).where(self._mine(kind))
        return list(self._run(query, of.c[name], values))

    def living(self, apartments: Collection[str]) -> list[Any]:
        """(resident, apartment, role) of everybody who lives in one of *apartments*."""
        of = PARTS["resident_apartment"][0]
        return list(self._run(select(of.c.resident_id, of.c.apartment_id, of.c.role), of.c.apartment_id, apartments))

    @cached_property
    def credentials(self) -> int:
        """How many are stored."""
        of = TABLES["credential"]
        return self._count(of, of.c.community_id == self.community_id)

    @cached_property
    def owned_credentials(self) -> int:
        """How many of them the central store gave."""
        c = SYNC_ITEM.c
        return self._count(SYNC_ITEM, (c.community_id == self.community_id) & (c.kind == "credential"))

    def _count(self, of: FromClause, where: ColumnElement[bool]) -> int:
        return int(self.connection.execute(select(func.count()).select_from(of).where(where)).scalar_one())

    def _mine(self, kind: str) -> ColumnElement[bool]:
        if kind != "relay":
            mine: ColumnElement[bool] = TABLES[kind].c.community_id == self.community_id
            return mine
        devices = TABLES["device"]
        own = select(devices.c.id).where(devices.c.community_id == self.community_id)
        return TABLES["relay"].c.device_id.in_(own)

    def _run(self, query: Any, by: Any, values: Iterable[Any] | None) -> Iterator[Any]:
        """The rows of *query*, all, or those where *by* is one of *values*."""
        if values is None:
            yield from self.connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
            return
        wanted = list(values)
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            yield from self.connection.execute(query.where(by.in_(wanted[start : start + _IDS_AT_ONCE])))
