"""The HTTP API of Akuvox door phones, and what they report. Requests are those of drivers in use: docs/devices.md."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from models.access import CredentialKind, UnlockMethod
from provisioning.api import (
    Holder,
    Holders,
    LogBook,
    Page,
    Refusal,
    Section,
    Sight,
    Sighting,
    Told,
)
from provisioning.desired import DesiredState, Login
from provisioning.driver import ApiCall, Items
from provisioning.formats import one_line

ROWS_A_PAGE: Final = 10
MAX_USERS_A_REQUEST: Final = 500  # 5,000 at once froze a panel
ALWAYS: Final = "1001"
PIN_DIGITS: Final = range(4, 9)
MAX_CARD_CHARS: Final = 63
MAX_SAID_CHARS: Final = 80
_JSON: Final = "application/json"
_SCHEDULES: Final = ("ScheduleRelay", "Schedule-Relay", "Schedule")
_BASE64: Final = ("Config.DoorSetting.APIFCGI.Password", "Config.DoorSetting.RTSP.Password")
_BASE64_MODELS: Final = ("S532",)
_CARDS: Final = (CredentialKind.RF_CARD.value, CredentialKind.NFC.value)
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_PASSWORD: Final = re.compile(r"\.(Pwd|Password\d*)$", re.ASCII)
_HOOKS: Final = ".ACTIONURL."

Files = Callable[[DesiredState], Items]


@dataclass(frozen=True, slots=True)
class AkuvoxApi:
    """*settings*: what the configuration file of a device would say."""

    settings: Files
    auth: Literal["digest", "basic"] = "digest"
    factory: tuple[Login, ...] = (Login("admin", "httpapi"), Login("admin", "admin"))

    @property
    def holders(self) -> Holders | None:
        return _USERS

    @property
    def log(self) -> LogBook | None:
        return _DOOR_LOG

    def probe(self) -> ApiCall:
        return _ask("what it is", "system", "info")

    def told(self, body: bytes) -> Told:
        data = _data(body)
        status = data.get("Status", data)
        if not isinstance(status, dict):
            raise ValueError("no status in the reply")
        mac = re.sub(r"[^0-9a-f]", "", str(status.get("MAC", "")).lower())
        return Told(_said(status.get("Model")), _said(status.get("FirmwareVersion")), mac if len(mac) == 12 else "")

    def check(self, body: bytes) -> None:
        _data(body)

    def sections(self, desired: DesiredState, told: Told) -> Sequence[Section]:
        wanted = dict(self.settings(desired))
        if told.model.upper().startswith(_BASE64_MODELS):
            wanted |= {key: base64.b64encode(wanted[key].encode()).decode() for key in _BASE64 if key in wanted}
        secret = frozenset(key for key in wanted if _PASSWORD.search(key) or _HOOKS in key)
        found = [
            Section("settings", wanted, (_ask("settings", "config", "get"),), _config, _write, secret, reboot=True),
        ]
        if desired.type.is_door:
            rows = {prefix: ";".join(numbers) for prefix, numbers in _dial_rows(desired)}
            found.append(
                Section("dial list", rows, (_ask("dial list", "dialreplace", "get"),), _dial_list, _dial, exact=True)
            )
        return tuple(found)

    def trigger(self, relay: int, hold_s: int) -> ApiCall | None:
        if not 1 <= relay <= 4:
            return None
        # It closes by itself (mode 0) after its delay.
        return _do("open", "relay", "trig", {"num": relay, "mode": 0, "level": 0, "delay": hold_s})

    def replace_login(self, current: Login, wanted: Login) -> Sequence[ApiCall]:
        """It is among the settings."""
        return ()

    def order(self, verb: str, fields: Mapping[str, object]) -> Sequence[ApiCall] | None:
        if verb == "reboot":
            return (_ask("reboot", "system", "reboot"),)
        if verb == "reset":
            return (_ask("reset", "config", "reset_factory"),)
        reboot = _ask("reboot", "system", "reboot")
        if verb == "upgrade":
            return (_do("firmware", "config", "set", {"Config.Firmware.Url": str(fields.get("url", ""))}), reboot)
        if verb == "autop":
            lines = fields.get("commands", ())
            parts = [str(line).partition("=") for line in lines] if isinstance(lines, list | tuple) else []
            items = {key.strip(): value.strip() for key, _, value in parts}
            return (*((_do("lines", "config", "set", items),) if items else ()), reboot)
        return None

    # --- what it reports ------------------------------------------------------------------------------------------

    def heard(self, query: Mapping[str, str], body: bytes) -> Sequence[Sighting]:
        event = query.get("event", "")
        what = _ACTIONS.get(event)
        if what is None:
            raise ValueError("no such event")
        relay = "ABCD".index(event[5]) + 1 if what is Sight.RELAY else 0
        return (Sighting(what, query.get("card_sn", "")[:64] if what in _BY_CARD else "", relay),)

    def heard_line(self, line: str) -> Sighting | None:
        found = _SYSLOG.search(line)
        if found is None:
            return None
        good, bad = _SYSLOG_TYPES[found["type"]]
        what = bad if "fail" in found["rest"].lower() else good
        return None if what is None else Sighting(what)


# --- requests and replies -------------------------------------------------------------------------------------------


def _ask(item: str, target: str, action: str, page: int | None = None) -> ApiCall:
    return ApiCall(item, "GET", f"/api/{target}/{action}" + (f"?page={page}" if page is not None else ""))


def _do(item: str, target: str, action: str, data: Mapping[str, object], *, at: str = "") -> ApiCall:
    """The target stands in the path and in the body: some firmware reads the one, some the other."""
    body = json.dumps({"target": target, "action": action, "data": data}).encode()
    return ApiCall(item, "POST", at or f"/api/{target}/{action}", body, _JSON)


def _data(body: bytes) -> dict[str, Any]:
    """The data of a reply. Raises Refusal for a retcode that is not 0, whatever the text beside it is."""
    read = json.loads(body)
    if not isinstance(read, dict) or "retcode" not in read:
        raise ValueError("no reply of this API")
    if str(read["retcode"]) != "0":
        raise Refusal(_said(read.get("message")) or f"retcode {_said(read['retcode'])}")
    data = read.get("data") or {}
    return data if isinstance(data, dict) else {}


def _said(value: object) -> str:
    """A device's own words, as a person may be shown them."""
    return one_line(str(value))[:MAX_SAID_CHARS] if value is not None else ""


def _rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = data.get("item", [])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _config(bodies: Sequence[bytes]) -> Items:
    return {key: str(value) for body in bodies for key, value in _data(body).items()}


def _write(changed: Items, _has: Items) -> Sequence[ApiCall]:
    return (_do("settings", "config", "set", dict(changed)),)


# --- the dial list for the day the edge is dead ---------------------------------------------------------------------


def _dial_rows(desired: DesiredState) -> Sequence[tuple[str, tuple[str, str]]]:
    """Each apartment goes to the edge first, then to the address of its works-offline monitor."""
    addresses = {each.name: each.dial for each in desired.fallback}
    return [(name, (name, addresses[name])) for name in desired.whitelist if name in addresses]


def _dial_list(bodies: Sequence[bytes]) -> Items:
    found = {}
    for body in bodies:
        for row in _rows(_data(body)):
            numbers = (str(row.get(f"Replace{number}", "")) for number in range(1, 6))
            found[str(row.get("Prefix", ""))] = ";".join(number for number in numbers if number)
    return found


def _dial(changed: Items, has: Items) -> Sequence[ApiCall]:
    """The list is short and has no way to say *instead of*: it is emptied and written whole."""
    rows = [
        {"ID": "-1", "Line": "0", "Prefix": prefix, **{f"Replace{n}": d for n, d in enumerate(dial.split(";"), 1)}}
        for prefix, dial in {**has, **changed}.items()
        if dial
    ]
    return (_ask("dial list", "dialreplace", "clear"), _do("dial list", "dialreplace", "add", {"item": rows}))


# --- users ----------------------------------------------------------------------------------------------------------


class _Users:
    """A user for each credential: its UserID is our id of the credential, so that it is found again."""

    def record(self, entry: Mapping[str, object], told: Told) -> Holder | None:
        if entry.get("method") == UnlockMethod.APT_PIN.value:
            return None  # a bare PIN would open, and it is too short for that
        if entry.get("hours") is not None or entry.get("from") is not None or entry.get("until") is not None:
            return None
        value, kind = str(entry["value"]), str(entry["kind"])
        pin = value if kind == CredentialKind.PIN.value else ""
        card = value if kind in _CARDS else ""
        if (pin and len(pin) not in PIN_DIGITS) or len(card) > MAX_CARD_CHARS or not (pin or card):
            return None
        key = str(entry["credential"])
        relays = entry.get("relays")
        opens = "".join(f"{ALWAYS}-{number};" for number in relays) if isinstance(relays, list | tuple) else ""
        fields = {"Name": _said(entry["apartment"]), "PrivatePIN": pin, "CardCode": card, "Opens": opens}
        return Holder(key, fields) if opens else None

    def page(self, number: int, told: Told) -> ApiCall:
        return _ask("users", "user", "get", number)

    def read(self, body: bytes, told: Told) -> Page:
        rows = _rows(_data(body))
        return Page(tuple(_holder(row) for row in rows), last=len(rows) < ROWS_A_PAGE)

    def put(self, holders: Sequence[Holder], told: Told) -> Sequence[ApiCall]:
        new = [_user(holder, told) for holder in holders if not holder.ref]
        there = [{**_user(holder, told), "ID": holder.ref} for holder in holders if holder.ref]
        return (*_chunks("add", new, told), *_chunks("set", there, told))

    def remove(self, refs: Sequence[str], told: Told) -> Sequence[ApiCall]:
        return _chunks("del", [{"ID": ref} for ref in refs], told)


def _chunks(action: str, items: Sequence[Mapping[str, object]], told: Told) -> tuple[ApiCall, ...]:
    """All changes go to `/api/user/set`: some firmware takes them nowhere else."""
    return tuple(
        _do("users", "user", action, {"item": list(items[first : first + MAX_USERS_A_REQUEST])}, at="/api/user/set")
        for first in range(0, len(items), MAX_USERS_A_REQUEST)
    )


def _user(holder: Holder, told: Told) -> dict[str, object]:
    """The whole record, for a *set* replaces all of it; the schedule under each name that firmware has for it."""
    fields = dict(holder.fields)
    opens = fields.pop("Opens")
    return {"UserID": holder.key, **fields, **dict.fromkeys(_SCHEDULES, opens), "LiftFloorNum": "0", "WebRelay": "0"}


def _holder(row: Mapping[str, Any]) -> Holder:
    opens = next((str(row[name]) for name in _SCHEDULES if row.get(name)), "")
    pairs = sorted(pair.strip() for pair in re.split("[;,]", opens) if pair.strip())
    known = {name: str(row.get(name, "")) for name in ("Name", "PrivatePIN", "CardCode")}
    fields = {**known, "Opens": "".join(f"{pair};" for pair in pairs)}
    return Holder(str(row.get("UserID", "")), fields, str(row.get("ID", "")))


_USERS: Final = _Users()

# --- what it reports ------------------------------------------------------------------------------------------------

_ACTIONS: Final[Mapping[str, Sight]] = {
    "ValidCodeEntered": Sight.CODE_OPENED,
    "InvalidCodeEntered": Sight.CODE_REFUSED,
    "ValidCardEntered": Sight.CARD_OPENED,
    "InvalidCardEntered": Sight.CARD_REFUSED,
    "ValidFaceRecognition": Sight.FACE_OPENED,
    "InvalidFaceRecognition": Sight.FACE_REFUSED,
    "AlarmTriggered": Sight.ALARM,
    "InputBreakIn": Sight.TAMPER,
    **{f"Relay{letter}Triggered": Sight.RELAY for letter in "ABCD"},
}
_BY_CARD: Final = frozenset({Sight.CARD_OPENED, Sight.CARD_REFUSED})
_SYSLOG: Final = re.compile(r"OPENDOOR_LOG:\s*Type:\s*(?P<type>RF|PIN|INPUT)\b(?P<rest>.*)", re.ASCII | re.DOTALL)
_SYSLOG_TYPES: Final[Mapping[str, tuple[Sight, Sight | None]]] = {
    "RF": (Sight.CARD_OPENED, Sight.CARD_REFUSED),
    "PIN": (Sight.CODE_OPENED, Sight.CODE_REFUSED),
    "INPUT": (Sight.EXIT_BUTTON, None),
}
_LOG_TYPES: Final[Mapping[str, tuple[Sight, Sight]]] = {
    "pin": (Sight.CODE_OPENED, Sight.CODE_REFUSED),
    "card": (Sight.CARD_OPENED, Sight.CARD_REFUSED),
    "face": (Sight.FACE_OPENED, Sight.FACE_REFUSED),
}


def _door_rows(body: bytes) -> Sequence[Sighting]:
    return tuple(found for row in _rows(_data(body)) if (found := _door_row(row)) is not None)


def _door_row(row: Mapping[str, Any]) -> Sighting | None:
    kinds = next((kinds for name, kinds in _LOG_TYPES.items() if name in str(row.get("Type", "")).lower()), None)
    number = str(row.get("ID", ""))
    if kinds is None or not _NUMBER.fullmatch(number):
        return None
    what = kinds[0] if str(row.get("Status", "")).lower().startswith("succ") else kinds[1]
    return Sighting(what, str(row.get("Code", ""))[:64], at_ms=_time_ms(row), number=int(number))


def _time_ms(row: Mapping[str, Any]) -> int | None:
    """The device's wall clock as if it were UTC: only differences to itself are of use."""
    try:
        at = datetime.strptime(f"{row.get('Date')} {row.get('Time')}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(at.timestamp() * 1000)


_DOOR_LOG: Final = LogBook(lambda page: _ask("door log", "doorlog", "get", page), _door_rows)
