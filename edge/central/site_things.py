"""What a site that is its own central store holds, as bodies of sync: the reverse of `edge.cloud.things`."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from edge.central.problems import CentralProblem
from edge.cloud import enrolment, things
from edge.cloud.local import COMMUNITY, Local
from edge.cloud.things import COLUMNS, Rules
from edge.cloud.wire import KINDS, Item, Poisoned
from edge.core.schedule import HOLIDAY, Hours, render_hours
from edge.core.tags import Tagger
from edge.store.changes import the_community
from edge.store.engine import Store
from edge.store.secrets import SecretsError, SiteSecrets
from edge.store.tables import credential, credential_door_group
from models.community import Community
from models.ids import CommunityId
from models.schedule import Span, WeeklyRow
from models.service import PinMode
from models.times import rfc3339

Body = dict[str, Any]
_PROBE: Final = 1
_COMMUNITY: Final[Mapping[str, str]] = {
    each.name: each.name for each in COMMUNITY.c if each.name not in ("id", "landline_service", "emergency_numbers")
} | {"landline": "landline_service"}  # fmt: skip
"""Field of a community's body -> column."""
_FLAGS: Final = frozenset({
    "landline", "home_automation", "community_calls", "twelve_hour_clock", "send_expiration_mail", "send_renew_mail",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteThing:
    """*stays*: why the thing can't be a central store's; "" = it can."""

    kind: str
    id: str
    name: str  # for people
    body: Body = field(repr=False)
    stays: str = ""


@dataclass(frozen=True, slots=True)
class SiteThings:
    """*things*: parents first."""

    community: Body
    things: tuple[SiteThing, ...]


def of_site(store: Store, secrets: SiteSecrets) -> SiteThings:
    """Everything of a site that a central store may own.

    Raises CentralProblem where the site has a central store already, StoreError.
    """
    with store.read() as connection:
        me = enrolment.load(connection, secrets.vault)
        if me is not None:
            raise CentralProblem("owned", f"the site belongs to the central store {me.url}: it must leave that first")
        owner = the_community(connection)
        local = Local(connection, owner, whole=True)
        reader = _Reader(secrets, local, connection)
        found = tuple(each for kind in KINDS if kind in _BODIES for each in reader.of_kind(kind))
        return SiteThings(reader.community, found)


class _Reader:
    def __init__(self, secrets: SiteSecrets, local: Local, connection: Any) -> None:
        self._local = local
        self._vault = secrets.vault
        row = local.community
        self.community: Body = {
            name: bool(row[column]) if name in _FLAGS else row[column]
            for name, column in _COMMUNITY.items() if row[column] not in (None, "")
        } | {"emergency_numbers": json.loads(row["emergency_numbers"] or "[]")}  # fmt: skip
        identity = CommunityId(row["id"])
        community = Community(
            identity, row["name"], row["time_zone"], country=row["country"], pin_mode=PinMode(row["pin_mode"])
        )
        self._rules = Rules(community, Tagger(secrets.pepper, identity), self._vault)
        self._uses = {
            row.id: (row.uses_left, row.sealed)
            for row in connection.execute(select(credential.c.id, credential.c.uses_left, credential.c.sealed))
        }
        self._grouped = set(connection.execute(select(credential_door_group.c.credential_id)).scalars())
        self._parts: dict[str, dict[str, tuple[things.Row, ...]]] = {}

    def of_kind(self, kind: str) -> Iterator[SiteThing]:
        for key, row in self._local.rows(kind, ()).items():
            told = dict(zip(COLUMNS[kind], row, strict=True))
            try:
                body = _BODIES[kind](self, key, told)
            except _Stays as why:
                yield SiteThing(kind, key, _name(key, told), {}, str(why))
                continue
            yield SiteThing(kind, key, _name(key, told), body, self._lost(kind, key, row, body))

    def parts(self, name: str, key: str) -> tuple[things.Row, ...]:
        if name not in self._parts:
            self._parts[name] = self._local.parts(name, ())
        return self._parts[name].get(key, ())

    def _lost(self, kind: str, key: str, row: things.Row, body: Body) -> str:
        """What the body would not bring back: every body is read as an edge will read it, and must be the same row."""
        try:
            thing = things.read(Item(kind, key, _PROBE, body), self._rules)
        except Poisoned as poisoned:
            return poisoned.detail or poisoned.reason
        differing = [name for name, was, now in zip(COLUMNS[kind], row, thing.row, strict=True) if was != now]
        differing += [
            name for name, rows in thing.parts.items() if tuple(sorted(rows)) != tuple(sorted(self.parts(name, key)))
        ]
        return f"its {', '.join(differing)} can't be said in sync" if differing else ""

    def value(self, key: str) -> str:
        """A credential's value, where it is kept."""
        sealed = self._uses[key][1]
        if sealed is None:
            raise _Stays("its value is kept as a hash alone")
        try:
            return self._vault.unseal(bytes(sealed), table="credential", column="sealed", row=key)
        except SecretsError:
            raise _Stays("its value can't be unsealed") from None

    def refuse_groups(self, key: str) -> None:
        """Without its group a credential would open every door."""
        if key in self._grouped:
            raise _Stays("it opens a group of doors")

    def uses(self, key: str) -> int | None:
        left: int | None = self._uses[key][0]
        if left == 0:
            raise _Stays("its uses are spent")
        return left


class _Stays(Exception):
    """Why a thing stays the site's own."""


def _name(key: str, told: Mapping[str, Any]) -> str:
    words = [str(told.get(name) or "") for name in ("name", "number", "first_name", "last_name", "kind", "hint", "mac")]
    return " ".join(filter(None, words)) or key


def _without_blanks(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _schedule(reader: _Reader, key: str, told: Mapping[str, Any]) -> Body:
    rows = tuple(WeeklyRow(*map(int, map(str, row))) for row in reader.parts("schedule_row", key))
    special = {
        str(day): tuple(Span(*span) for span in json.loads(str(spans)))
        for day, spans in reader.parts("schedule_day", key)
    }
    holiday = special.pop(HOLIDAY, None)
    hours = Hours(rows, holiday, {date.fromisoformat(day): spans for day, spans in special.items()})
    return {"name": told["name"], "week": render_hours(hours)}


def _apartment(reader: _Reader, key: str, told: Mapping[str, Any]) -> Body:
    numbers = reader.parts("landline", key)
    # Numbers with a gap before them have no word in sync; left out, they stay as they are.
    has_gap = [position for position, _ in numbers] != list(range(1, len(numbers) + 1))
    return _without_blanks(
        building=told["building_id"], number=told["number"], name=told["name"], floor=told["floor"],
        accessible_floors=json.loads(told["accessible_floors"]), call_type=int(told["call_type"]),
        web_relay=int(told["web_relay"]), handset=bool(told["has_handset"]), whitelisted=bool(told["whitelisted"]),
        network_group=told["network_group"], service=told["service"],
        landlines=None if has_gap else [number for _, number in numbers],
    )  # fmt: skip


def _device(reader: _Reader, key: str, told: Mapping[str, Any]) -> Body:
    return _without_blanks(
        mac=told["mac"], name=told["name"], type=int(told["type"]), enabled=bool(told["enabled"]),
        place=told["place"], buildings=[row[0] for row in reader.parts("device_building", key)] or None,
        apartment=told["apartment_id"], network_group=told["network_group"], has_internet=bool(told["has_internet"]),
        works_offline=bool(told["works_offline"]), static_address=told["static_address"],
        fire_group=told["fire_group"], digest=told["digest"], schedule=told["schedule_id"],
        open_schedule=told["open_schedule_id"], interlock=told["interlock"],
        contact_display=told["contact_display"], connection=told["connection"],
    )  # fmt: skip


def _relay(_: _Reader, __: str, told: Mapping[str, Any]) -> Body:
    return _without_blanks(
        device=told["device_id"], number=int(told["number"]), security=bool(told["security"]), name=told["name"],
        enabled=bool(told["enabled"]), methods=_words(told["methods"]), hold_s=int(told["hold_s"]), dtmf=told["dtmf"],
        schedule=told["schedule_id"], two_factor=bool(told["two_factor"]), trigger_s=int(told["trigger_s"]),
    )  # fmt: skip


def _resident(reader: _Reader, key: str, told: Mapping[str, Any]) -> Body:
    homes = [{"apartment": home, "role": role} for home, role in reader.parts("resident_apartment", key)]
    if not homes:
        raise _Stays("lives in no apartment")
    until = told["activation_until_ms"]
    return _without_blanks(
        first=told["first_name"], last=told["last_name"], email=told["email"], mobile=told["mobile"],
        language=told["language"], login=told["login"], activation=told["activation"],
        expires=None if until is None else rfc3339(until), **homes[0], apartments=homes[1:] or None,
    )  # fmt: skip


def _credential(reader: _Reader, key: str, told: Mapping[str, Any]) -> Body:
    reader.refuse_groups(key)
    start, end = told["valid_from_ms"], told["valid_until_ms"]
    return _without_blanks(
        kind=told["kind"], value=reader.value(key), apartment=told["apartment_id"], resident=told["resident_id"],
        schedule=told["schedule_id"], duress=bool(told["duress"]), by=told["origin"], home=told["home"],
        uses=reader.uses(key), doors=[row[0] for row in reader.parts("credential_door", key)] or None,
        **{"from": None if start is None else rfc3339(start)}, until=None if end is None else rfc3339(end),
    )  # fmt: skip


_BODIES: Final[Mapping[str, Callable[[_Reader, str, Mapping[str, Any]], Body]]] = {
    "mac": lambda _, key, __: {"mac": key},
    "building": lambda _, __, told: {"name": told["name"]},
    "whitelist": lambda _, key, told: _without_blanks(number=key, note=told["note"], opens=told["opens_device_id"]),
    "schedule": _schedule,
    "apartment": _apartment,
    "device": _device,
    "relay": _relay,
    "resident": _resident,
    "credential": _credential,
}
