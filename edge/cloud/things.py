"""Bodies of items, checked by the rules of the domain and brought into the form in which they are stored.

A body has the names of the options of that thing's `add` command (decision 49). What it leaves out has that command's
default; of the community, what it leaves out stays. Names that are not known are ignored.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from edge.cloud.wire import MAX_ID_CHARS, Item, Poisoned
from edge.core import checks, pins, tags
from edge.core.checks import RuleBroken
from edge.core.moments import moment_ms
from edge.core.schedule import HOLIDAY, parse_hours
from edge.core.tags import Tagger
from edge.store.secrets import Vault
from models.access import CredentialKind, Home, Origin, UnlockMethod
from models.community import Community
from models.device import ContactDisplay, DeviceType, DigestOffer, Place
from models.service import AccessPermission, Activation, FeaturePlan, PinMode, Role, ServiceState
from models.tables.community import ChargeMode, DateFormat
from models.tables.device import ConnectionType
from models.tables.service import RequestState

Value = str | int | bool | bytes | None
Row = tuple[Value, ...]
Parts = Mapping[str, tuple[Row, ...]]

MAX_USES: Final = 1_000_000
MAX_LIST: Final = 10_000  # ids named in one body
LANDLINES: Final = 3
NO_PARTS: Final[Parts] = MappingProxyType({})

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "mac": (),
    "schedule": ("name",),
    "building": ("name",),
    "apartment": (
        "building_id", "number", "name", "floor", "accessible_floors", "call_type", "web_relay", "has_handset",
        "whitelisted", "network_group", "service",
    ),
    "device": (
        "mac", "name", "type", "enabled", "place", "all_buildings", "apartment_id", "network_group", "has_internet",
        "works_offline", "static_address", "fire_group", "digest", "schedule_id", "open_schedule_id", "interlock",
        "contact_display", "connection",
    ),
    "relay": (
        "device_id", "number", "security", "name", "enabled", "methods", "hold_s", "dtmf", "schedule_id", "two_factor",
        "trigger_s",
    ),
    "resident": (
        "first_name", "last_name", "email", "mobile", "language", "login", "activation", "activation_until_ms",
    ),
    "credential": (
        "kind", "tag", "bare", "apartment_id", "resident_id", "valid_from_ms", "valid_until_ms", "schedule_id",
        "duress", "origin", "home", "hint",
    ),
    "whitelist": ("note", "opens_device_id"),
    "request": ("phone", "apartment_id", "has_handset", "state", "made_at_ms"),
}  # fmt: skip
"""What is stored of a thing beside its identity, in this order. Of the community only what a body names."""


@dataclass(slots=True)
class Thing:
    """An item's body as it will be stored."""

    kind: str
    id: str  # as the central store calls it
    rev: int
    key: str  # as it is called here
    row: Row  # COLUMNS of its kind
    parts: Parts = field(
        default_factory=lambda: NO_PARTS
    )  # rows of the tables that hang on it, without its id; a table left out stays as it is
    refs: tuple[tuple[str, str], ...] = ()  # (kind, id) of things that must be there
    sealed: bytes | None = None  # a credential's value, for panels
    uses: int | None = None  # of a credential, as given
    columns: tuple[str, ...] = ()  # of the community: which ones

    def __repr__(self) -> str:
        return f"Thing({self.kind} {self.id} at {self.rev})"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a body is read by."""

    community: Community
    tagger: Tagger
    vault: Vault

    def of(self, thing: Thing) -> "Rules":
        """The rules after the community has become as *thing* says."""
        told = dict(zip(thing.columns, thing.row, strict=True))
        words: dict[str, Any] = {name: told[name] for name in ("time_zone", "country") if name in told}
        if "pin_mode" in told:
            words["pin_mode"] = PinMode(told["pin_mode"])
        return replace(self, community=replace(self.community, **words))


def read(item: Item, rules: Rules) -> Thing:
    """The thing that *item* describes. Raises Poisoned where its body breaks a rule; never says its value."""
    try:
        return _READERS[item.kind](item, _Body(item.body or {}), rules)
    except RuleBroken as broken:
        raise Poisoned(item.id, broken.problem.rule, str(broken), item.kind) from broken


@cache
def _words(of: Any) -> frozenset[str]:
    """Values of the members of an enum."""
    return frozenset(member.value for member in of)


class _Body:
    """Reads fields of a body, each by its type. Raises RuleBroken."""

    __slots__ = ("_body",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def __contains__(self, name: str) -> bool:
        return self._body.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        value = self._body.get(name)
        if value is None:
            if default is None:
                raise RuleBroken(name, "missing", "is missing")
            return default
        if not isinstance(value, str):
            raise RuleBroken(name, "text", "must be text")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._body.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        return checks.yes_or_no(name, self.text(name))

    def number(self, name: str, default: int | None = None) -> int:
        value = self._body.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RuleBroken(name, "number", "must be a whole number")
        return value

    def word(self, name: str, words: Any, default: str | None = None) -> str:
        """The value of a member of the enum *words*."""
        value = self.text(name, default)
        if value != default and value not in _words(words):
            raise RuleBroken(name, name, f"{value!r} is none of {', '.join(str(m.value) for m in words)}")
        return value

    def id(self, name: str) -> str:
        value = self.text(name)
        if not 0 < len(value) <= MAX_ID_CHARS:
            raise RuleBroken(name, "id", "is no id")
        return value

    def optional_id(self, name: str) -> str | None:
        return self.id(name) if self._body.get(name) not in (None, "") else None

    def list(self, name: str) -> tuple[str, ...]:
        """A list of words, or one text with commas; each once, in its order."""
        value = self._body.get(name)
        if value is None:
            return ()
        words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
        if not isinstance(words, list) or len(words) > MAX_LIST or not all(isinstance(word, str) for word in words):
            raise RuleBroken(name, "list", "must be a list of words")
        return tuple(dict.fromkeys(word for word in words if word))

    def objects(self, name: str) -> Sequence[Mapping[str, Any]]:
        value = self._body.get(name) or []
        if not isinstance(value, list) or len(value) > MAX_LIST or not all(isinstance(each, dict) for each in value):
            raise RuleBroken(name, "list", "must be a list of objects")
        return value

    def moment(self, name: str, time_zone: str, *, end: bool = False) -> int | None:
        if self._body.get(name) is None:
            return None
        value = self.text(name)
        try:
            return moment_ms(value or None, time_zone, end=end)
        except ValueError as error:
            raise RuleBroken(name, "moment", str(error)) from error


# --- places and people -----------------------------------------------------------------------------------------------


def _community(item: Item, body: _Body, rules: Rules) -> Thing:
    found: dict[str, Value] = {}
    for name, column, read_one in _COMMUNITY:
        if name in body:
            found[column] = read_one(body, name)
    if not found.get("name", "unnamed"):
        raise RuleBroken("name", "missing", "must not be empty")
    columns = tuple(found)
    return Thing("community", item.id, item.rev, rules.community.id, tuple(found.values()), columns=columns)


def _numbers(body: _Body, name: str) -> str:
    return json.dumps([checks.emergency_number(number) for number in body.list(name)])


def _enum(words: Any) -> Callable[[_Body, str], Value]:
    return lambda body, name: body.word(name, words, next(iter(words)).value)


def _checked(check: Callable[[str], str]) -> Callable[[_Body, str], Value]:
    return lambda body, name: check(body.text(name))


def _named(body: _Body, name: str) -> Value:
    return checks.name(name, body.text(name))


_COMMUNITY: Final[tuple[tuple[str, str, Callable[[_Body, str], Value]], ...]] = (
    ("name", "name", _named),
    ("street", "street", _named),
    ("city", "city", _named),
    ("state", "state", _named),
    ("post_code", "post_code", _checked(checks.post_code)),
    ("country", "country", _checked(checks.country)),
    ("time_zone", "time_zone", _checked(checks.time_zone)),
    ("plan", "plan", _enum(FeaturePlan)),
    ("permission", "permission", _enum(AccessPermission)),
    ("pin_mode", "pin_mode", _enum(PinMode)),
    ("date_format", "date_format", _enum(DateFormat)),
    ("charge_mode", "charge_mode", _enum(ChargeMode)),
    ("landline", "landline_service", _Body.flag),
    ("home_automation", "home_automation", _Body.flag),
    ("community_calls", "community_calls", _Body.flag),
    ("twelve_hour_clock", "twelve_hour_clock", _Body.flag),
    ("send_expiration_mail", "send_expiration_mail", _Body.flag),
    ("send_renew_mail", "send_renew_mail", _Body.flag),
    ("planned_apartments", "planned_apartments", _Body.number),
    ("emergency_numbers", "emergency_numbers", _numbers),
)
"""Field of the body, column, how it is read."""


def _building(item: Item, body: _Body, rules: Rules) -> Thing:
    return Thing("building", item.id, item.rev, item.id, (checks.building_name(body.text("name"), "name"),))


def _apartment(item: Item, body: _Body, rules: Rules) -> Thing:
    building = body.id("building")
    floors = checks.floors("accessible_floors", ",".join(body.list("accessible_floors")))
    row: Row = (
        building,
        checks.apartment_number(body.text("number"), "number"),
        checks.name("name", body.text("name", "")),
        checks.text("floor", body.text("floor", ""), checks.FLOOR_MAX_CHARS),
        json.dumps(floors, ensure_ascii=False),
        int(checks.call_type(str(body.number("call_type", 0)))),
        checks.web_relay(str(body.number("web_relay", 0))),
        body.flag("handset"),
        body.flag("whitelisted"),
        checks.name("network_group", body.text("network_group", "")),
        body.word("service", ServiceState, ServiceState.ACTIVE.value),
    )
    parts: Parts = NO_PARTS
    if "landlines" in body:  # a thing of its own at the command line, so who does not know it leaves it out
        numbers = body.list("landlines")
        if len(numbers) > LANDLINES:
            raise RuleBroken("landlines", "landline_position", "an apartment has landlines 1, 2 and 3")
        country = rules.community.country
        parts = {
            "landline": tuple(
                (position, checks.phone("landlines", number, country=country))
                for position, number in enumerate(numbers, start=1)
            )
        }
    return Thing("apartment", item.id, item.rev, item.id, row, parts, (("building", building),))


def _resident(item: Item, body: _Body, rules: Rules) -> Thing:
    zone, country = rules.community.time_zone, rules.community.country
    homes = _homes(body)
    names = (checks.person_name("first", body.text("first", "")), checks.person_name("last", body.text("last", "")))
    if not any(names):
        raise RuleBroken("first", "missing", "a resident needs a first or a last name")
    mobile = body.text("mobile", "")
    row: Row = (
        *names,
        checks.email(body.text("email", "")),
        checks.phone("mobile", mobile, country=country) if mobile else "",
        checks.language(body.text("language", "en")),
        checks.name("login", body.text("login", "")),
        body.word("activation", Activation, Activation.ACTIVE.value),
        body.moment("expires", zone, end=True),
    )
    refs = tuple(("apartment", home) for home, _ in homes)
    return Thing("resident", item.id, item.rev, item.id, row, {"resident_apartment": homes}, refs)


def _homes(body: _Body) -> tuple[tuple[str, str], ...]:
    """(apartment, role) of each, "" where nothing is said of the role."""
    found = {body.id("apartment"): body.text("role", "")}
    for more in body.objects("apartments"):
        other = _Body(more)
        found.setdefault(other.id("apartment"), other.text("role", ""))
    for role in found.values():
        if role not in ("", Role.MASTER.value, Role.MEMBER.value):
            raise RuleBroken("role", "role", f"{role!r} is none of master, member")
    return tuple(sorted(found.items()))


# --- doors -----------------------------------------------------------------------------------------------------------


def _mac(item: Item, body: _Body, rules: Rules) -> Thing:
    return Thing("mac", item.id, item.rev, checks.mac(body.text("mac", item.id)), ())


def _schedule(item: Item, body: _Body, rules: Rules) -> Thing:
    try:
        hours = parse_hours(body.text("week"))
    except ValueError as error:
        raise RuleBroken("week", "week", str(error)) from error
    special = {day.isoformat(): spans for day, spans in hours.days.items()}
    if hours.holiday is not None:
        special[HOLIDAY] = hours.holiday
    parts: Parts = {
        "schedule_row": tuple(sorted({(row.weekday, row.from_minute, row.to_minute) for row in hours.rows})),
        "schedule_day": tuple(
            (day, json.dumps([[span.from_minute, span.to_minute] for span in spans], separators=(",", ":")))
            for day, spans in sorted(special.items())
        ),
    }
    name = checks.name("name", body.text("name"), may_be_empty=False)
    return Thing("schedule", item.id, item.rev, item.id, (name,), parts)


def _device(item: Item, body: _Body, rules: Rules) -> Thing:
    apartment = body.optional_id("apartment")
    place = Place(body.word("place", Place, (Place.PUBLIC if apartment is None else Place.APARTMENT).value))
    buildings = tuple(sorted(each for each in body.list("buildings") if each.lower() != "all"))
    _check_place(place, apartment, buildings)
    kind = int(checks.device_type(str(body.number("type"))))
    works_offline = body.flag("works_offline")
    if works_offline and (kind != DeviceType.INDOOR_MONITOR or apartment is None):
        raise RuleBroken("works_offline", "works_offline", "only an indoor monitor of an apartment works offline")
    hours, open_hours = body.optional_id("schedule"), body.optional_id("open_schedule")
    row: Row = (
        checks.mac(body.text("mac")),
        checks.name("name", body.text("name"), may_be_empty=False),
        kind,
        body.flag("enabled", True),
        place.value,
        place is not Place.APARTMENT and not buildings,
        apartment,
        checks.name("network_group", body.text("network_group", "")),
        body.flag("has_internet", True),
        works_offline,
        checks.name("static_address", body.text("static_address", "")),
        checks.name("fire_group", body.text("fire_group", "")),
        body.word("digest", DigestOffer, DigestOffer.BOTH.value),
        hours,
        open_hours,
        checks.name("interlock", body.text("interlock", "")),
        body.word("contact_display", ContactDisplay, ContactDisplay.ALL.value),
        body.word("connection", ConnectionType, ConnectionType.UDP.value),
    )
    refs = [("building", each) for each in buildings]
    refs += [(kind_, each) for kind_, each in _given(("apartment", apartment), ("schedule", hours))]
    refs += [("schedule", open_hours)] if open_hours is not None else []
    served = {"device_building": tuple((each,) for each in buildings)}
    return Thing("device", item.id, item.rev, item.id, row, served, tuple(refs))


def _check_place(place: Place, apartment: str | None, buildings: tuple[str, ...]) -> None:
    if (place is Place.APARTMENT) != (apartment is not None):
        raise RuleBroken("apartment", "place", "a device of an apartment, and only such a one, names its apartment")
    if place is Place.APARTMENT and buildings:
        raise RuleBroken("buildings", "place", "a device of an apartment serves that apartment, no buildings")
    if place is Place.BUILDING and len(buildings) != 1:
        raise RuleBroken("buildings", "place", "a device of a building names that one building")


def _relay(item: Item, body: _Body, rules: Rules) -> Thing:
    device, hours = body.id("device"), body.optional_id("schedule")
    number = checks.relay_number(body.number("number"))
    security = body.flag("security")
    methods = checks.methods(",".join(body.list("methods"))) if "methods" in body else checks.DOOR_METHODS
    usual = str(number) if UnlockMethod.DTMF in methods and not security else ""
    row: Row = (
        device,
        number,
        security,
        checks.name("name", body.text("name", "")),
        body.flag("enabled", True),
        ",".join(sorted(method.value for method in methods)),
        checks.hold(body.number("hold_s", 5)),
        checks.dtmf(body.text("dtmf", usual)),
        hours,
        body.flag("two_factor"),
        checks.trigger(body.number("trigger_s", 0)),
    )
    refs = tuple(_given(("device", device), ("schedule", hours)))
    return Thing("relay", item.id, item.rev, item.id, row, NO_PARTS, refs)


def _whitelist(item: Item, body: _Body, rules: Rules) -> Thing:
    number = checks.phone("number", body.text("number", item.id), country=rules.community.country)
    opens = body.optional_id("opens")
    row: Row = (checks.name("note", body.text("note", "")), opens)
    return Thing("whitelist", item.id, item.rev, number, row, NO_PARTS, tuple(_given(("device", opens))))


def _request(item: Item, body: _Body, rules: Rules) -> Thing:
    """An address request as its resident sees it; one that is closed or cancelled is seen no more."""
    apartment = body.id("apartment")
    row: Row = (
        checks.phone("phone", body.text("phone"), country=rules.community.country),
        apartment,
        body.flag("has_handset"),
        body.word("state", RequestState, RequestState.NEW.value),
        body.moment("made", rules.community.time_zone) or 0,
    )
    return Thing("request", item.id, item.rev, item.id, row, NO_PARTS, (("apartment", apartment),))


def _given(*refs: tuple[str, str | None]) -> list[tuple[str, str]]:
    return [(kind, identity) for kind, identity in refs if identity is not None]


# --- credentials -----------------------------------------------------------------------------------------------------


def _credential(item: Item, body: _Body, rules: Rules) -> Thing:
    kind = _KINDS[body.word("kind", CredentialKind)]
    home = body.word("home", Home, _AT_EDGE)
    apartment, resident = body.id("apartment"), body.optional_id("resident")
    hours, uses = body.optional_id("schedule"), _uses(body, home)
    value = _value(body, kind, rules.community.pin_mode)
    zone = rules.community.time_zone
    start, end = body.moment("from", zone), body.moment("until", zone, end=True)
    if start is not None and end is not None and start >= end:
        raise RuleBroken("until", "validity", "the end must be after the beginning")
    duress = body.flag("duress")
    if duress and kind is not CredentialKind.PIN:
        raise RuleBroken("duress", "duress", "duress is a flag of a PIN")
    row: Row = (
        kind.value,
        rules.tagger.tag(kind, value),
        kind is not CredentialKind.PIN or pins.bare(value),
        apartment,
        resident,
        start,
        end,
        hours,
        duress,
        body.word("by", Origin, _BY_INSTALLER),
        home,
        tags.hint(kind, value),
    )
    sealed = None
    if home != _AT_EDGE:
        sealed = rules.vault.seal(value, table="credential", column="sealed", row=item.id)
    parts = (
        {"credential_door": tuple((door,) for door in sorted(body.list("doors")))} if "doors" in body else _EVERY_DOOR
    )
    refs: tuple[tuple[str, str], ...] = (("apartment", apartment),)
    if resident is not None:
        refs += (("resident", resident),)
    if hours is not None:
        refs += (("schedule", hours),)
    return Thing("credential", item.id, item.rev, item.id, row, parts, refs, sealed, uses)


# A snapshot has a hundred thousand: what does not differ between two of them is made once.
_KINDS: Final = {kind.value: kind for kind in CredentialKind}
_AT_EDGE: Final = Home.EDGE.value
_BY_INSTALLER: Final = Origin.INSTALLER.value
_EVERY_DOOR: Final[Parts] = MappingProxyType({"credential_door": ()})


def _value(body: _Body, kind: CredentialKind, mode: PinMode) -> str:
    """The value in the one spelling of its kind. What is said of a bad one never holds it."""
    typed = body.text("value")
    if kind is CredentialKind.PIN:
        objection = pins.objection(typed, mode, "")
        if objection is not None:
            raise RuleBroken("value", "pin", objection)
    value = tags.normalised(kind, typed)
    if value is None:
        raise RuleBroken("value", "value", f"this can't be the value of a {kind.value}")
    return value


def _uses(body: _Body, home: str) -> int | None:
    if "uses" not in body:
        return None
    uses = body.number("uses")
    if not 1 <= uses <= MAX_USES:
        raise RuleBroken("uses", "uses", f"{uses} is not a number of uses, 1 to {MAX_USES}")
    if home != _AT_EDGE:
        raise RuleBroken("uses", "uses_at_panel", "only the edge counts uses")
    return uses


_READERS: Final[Mapping[str, Callable[[Item, _Body, Rules], Thing]]] = {
    "community": _community,
    "mac": _mac,
    "schedule": _schedule,
    "building": _building,
    "apartment": _apartment,
    "device": _device,
    "relay": _relay,
    "resident": _resident,
    "credential": _credential,
    "whitelist": _whitelist,
    "request": _request,
}


# --- kept for a while ------------------------------------------------------------------------------------------------


def to_text(thing: Thing) -> str:
    """*thing* for the staging table. Values of credentials are in it as tags, or sealed."""
    row = [{"b": base64.b64encode(each).decode()} if isinstance(each, bytes) else each for each in thing.row]
    sealed = None if thing.sealed is None else base64.b64encode(thing.sealed).decode()
    told = [thing.key, row, dict(thing.parts), thing.refs, sealed, thing.uses, thing.columns]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def from_text(kind: str, identity: str, rev: int, text: str) -> Thing:
    """What `to_text` wrote."""
    key, row, parts, refs, sealed, uses, columns = json.loads(text)
    return Thing(
        kind,
        identity,
        rev,
        key,
        tuple([base64.b64decode(each["b"]) if isinstance(each, dict) else each for each in row]),
        {table: tuple(map(tuple, rows)) for table, rows in parts.items()},
        tuple(map(tuple, refs)),
        None if sealed is None else base64.b64decode(sealed),
        uses,
        tuple(columns),
    )
