"""BasIP panels: set, read back and heard by their HTTP API and webhook. Requests are those of drivers in use."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode

from models.access import CredentialKind, UnlockMethod
from provisioning.api import Holder, Holders, Page, Refusal, Section, Sight, Sighting, Told
from provisioning.desired import DesiredState, Login
from provisioning.driver import ApiCall, Items, Method
from provisioning.family import Family, model_names
from provisioning.formats import one_line

ROWS_A_PAGE: Final = 50
MAX_EXPIRES_S: Final = 900
MAX_LINES: Final = 1_000
MAX_REMOVED_A_REQUEST: Final = 500
MAX_SAID_CHARS: Final = 80
_JSON: Final = "application/json"
_IDENTIFIERS: Final = "/api/v1/access/identifier"
_PIN: Final = "inputCode"
_CARD: Final = "card"
_KINDS: Final = {
    CredentialKind.PIN.value: _PIN,
    CredentialKind.RF_CARD.value: _CARD,
    CredentialKind.NFC.value: _CARD,
}


@dataclass(frozen=True, slots=True)
class BasIpApi:
    """A setting is asked for and set at the same address."""

    auth: Literal["digest", "basic"] = "basic"
    factory: tuple[Login, ...] = (Login("admin", "123456"),)

    @property
    def holders(self) -> Holders:
        return _HOLDERS

    @property
    def log(self) -> None:
        """It tells by its webhook, and again what it could not tell."""
        return None

    def probe(self) -> ApiCall:
        return ApiCall("what it is", "GET", "/api/info")

    def told(self, body: bytes) -> Told:
        read = _object(body)
        mac = re.sub(r"[^0-9a-f]", "", str(read.get("device_serial_number", "")).lower())
        model, firmware = _said(read.get("device_model")), _said(read.get("firmware_version"))
        return Told(model, firmware, mac if len(mac) == 12 else "")

    def check(self, body: bytes) -> None:
        """What they say of a request that failed is its status; some say it in a good one too."""
        read = json.loads(body) if body.strip() else {}
        if isinstance(read, dict) and read.get("error"):
            raise Refusal(_said(read["error"]))

    def sections(self, desired: DesiredState, told: Told) -> Sequence[Section]:
        return tuple(_section(name, path, body) for name, path, body in _settings(desired))

    def trigger(self, relay: int, hold_s: int) -> ApiCall | None:
        """For the hold time that the lock was set to."""
        return _OPENS.get(relay)

    def replace_login(self, current: Login, wanted: Login) -> Sequence[ApiCall]:
        """Both passwords stand in the address: the maker's API knows no other way."""
        query = urlencode({"oldPassword": current.password, "newPassword": wanted.password})
        return (ApiCall("admin password", "POST", f"/api/v1/security/password/admin?{query}"),)

    def order(self, verb: str, fields: Mapping[str, object]) -> Sequence[ApiCall] | None:
        if verb == "reboot":
            return (ApiCall("reboot", "GET", "/api/v1/system/reboot/run"),)
        return (ApiCall("reset", "POST", "/api/v1/system/settings/default"),) if verb == "reset" else None

    def heard(self, query: Mapping[str, str], body: bytes) -> Sequence[Sighting]:
        """A line for each event, the oldest first: after an outage all that waited come at once."""
        lines = body.decode("utf-8", "replace").splitlines()[:MAX_LINES]
        return tuple(found for line in lines if (found := self.heard_line(line)) is not None)

    def heard_line(self, line: str) -> Sighting | None:
        parts = [part.strip() for part in _HEAD.sub("", line).split(":")]
        for place, text, what, value_at in _EVENTS:
            if len(parts) > place and parts[place] == text:
                value = parts[value_at] if value_at is not None else ""
                return Sighting(what, _hex(value) if what is Sight.CARD_OPENED else value[:64])
        return None


@dataclass(frozen=True, slots=True)
class BasIp(Family):
    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        return tuple(_json(name, "POST", path, body) for name, path, body in _settings(desired))


def _settings(desired: DesiredState) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    sip = desired.sip
    account = {
        "outbound": "",
        "password": sip.password,
        "proxy": f"sip:{sip.server}",
        "realm": sip.server,
        "registration_interval": min(sip.expires_s, MAX_EXPIRES_S),
        "transport": sip.transport,
        "user": sip.user,
        "user_id": sip.user,
        "stun": {"ip": "127.0.0.1", "port": 3478},  # how these devices are told: none
    }
    yield "account", "/api/v1/device/sip/settings", account
    yield "account enabled", "/api/v1/device/sip/enable", {"sip_enable": desired.enabled}
    yield "talking", "/api/v1/device/call/talk/timeout", {"talk_timeout": desired.around.talk_s}
    # A code that opens for everybody is not ours, and neither is a door that stands open by the clock.
    code = {"input_code_enable": False, "input_code_number": 0}
    yield "common code off", "/api/v1/access/general/unlock/input/code", code
    yield "free access off", "/api/v1/access/freeaccess", {"enable": False}
    relays = {relay.number: relay for relay in desired.relays}
    for number in _OPENS:
        relay, place = relays.get(number), f"/api/v1/access/general/lock/{{}}/{number}"
        if relay is not None:
            yield f"relay {number} hold", place.format("timeout"), {"lock_timeout": relay.hold_s}
        yield f"relay {number} DTMF", place.format("dtmf"), {"dtmf_code": relay.dtmf if relay is not None else ""}


def _section(name: str, path: str, body: Mapping[str, object]) -> Section:
    def parse(bodies: Sequence[bytes]) -> Items:
        return {key: _text(value) for key, value in _object(bodies[0]).items()}

    wanted = {key: _text(value) for key, value in body.items()}
    read = (ApiCall(name, "GET", path),)
    secret = frozenset({"password"} & wanted.keys())  # it always says the same of it
    return Section(name, wanted, read, parse, lambda _changed, _has: (_json(name, "POST", path, body),), secret)


class _Identifiers:
    """An identifier for each credential; the owner's name is our id of it."""

    def record(self, entry: Mapping[str, object], told: Told) -> Holder | None:
        kind, value, relays = _KINDS.get(str(entry["kind"])), str(entry["value"]), entry.get("relays")
        lock = _LOCKS.get(tuple(relays) if isinstance(relays, list | tuple) else ())
        if entry.get("method") == UnlockMethod.APT_PIN.value:
            return None  # a bare PIN would open, and it is too short for that
        if kind is None or lock is None or any(entry.get(name) is not None for name in ("hours", "from", "until")):
            return None
        number = "-".join(value[i : i + 2] for i in range(0, len(value), 2)) if kind == _CARD else value
        return Holder(str(entry["credential"]), {"number": number, "type": kind, "lock": lock})

    def page(self, number: int, told: Told) -> ApiCall:
        path = f"{_IDENTIFIERS}/items?limit={ROWS_A_PAGE}&page_number={number}"
        return ApiCall("identifiers", "GET", path)

    def read(self, body: bytes, told: Told) -> Page:
        rows = _object(body).get("list_items") or []
        holders = tuple(_identifier(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
        return Page(holders, last=len(holders) < ROWS_A_PAGE)

    def put(self, holders: Sequence[Holder], told: Told) -> Sequence[ApiCall]:
        """One at a time; one that is there is taken away first, so that it is never there twice."""
        calls: list[ApiCall] = []
        for holder in holders:
            if holder.ref:
                calls += self.remove((holder.ref,), told)
            fields = holder.fields
            body = {
                "identifier_number": fields["number"],
                "identifier_owner": {"name": holder.key, "type": "owner"},
                "identifier_type": fields["type"],
                "lock": fields["lock"],
                "valid": {"passes": {
                    "is_permanent": True, "max_passes": None, "time": {"from": None, "is_permanent": True, "to": None},
                }},
            }  # fmt: skip
            calls.append(_json("identifiers", "POST", _IDENTIFIERS, body))
        return calls

    def remove(self, refs: Sequence[str], told: Told) -> Sequence[ApiCall]:
        uids = [int(ref) if ref.isdigit() else ref for ref in refs]
        return tuple(
            _json("identifiers", "DELETE", f"{_IDENTIFIERS}/items", {"uid_items": uids[i : i + MAX_REMOVED_A_REQUEST]})
            for i in range(0, len(uids), MAX_REMOVED_A_REQUEST)
        )


def _identifier(row: Mapping[str, Any]) -> Holder:
    owner = row.get("identifier_owner")
    key = str(owner.get("name", "")) if isinstance(owner, dict) else ""
    fields = {
        "number": str(row.get("identifier_number", "")),
        "type": str(row.get("identifier_type", "")),
        "lock": str(row.get("lock", "")),
    }
    return Holder(key, fields, str(row.get("identifier_uid", "")))


def _object(body: bytes) -> dict[str, Any]:
    read = json.loads(body)
    if not isinstance(read, dict):
        raise ValueError("no object in the reply")
    return read


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list | bool) else str(value)


def _said(value: object) -> str:
    return one_line(str(value))[:MAX_SAID_CHARS] if value is not None else ""


def _hex(value: str) -> str:
    return re.sub("[^0-9A-F]", "", value.upper())[:64]


def _json(item: str, method: Method, path: str, body: Mapping[str, object]) -> ApiCall:
    return ApiCall(item, method, path, json.dumps(body).encode(), _JSON)


_LOCKS: Final[Mapping[tuple[object, ...], str]] = {(1,): "first", (2,): "second", (1, 2): "all"}
_HOLDERS: Final = _Identifiers()
_OPENS: Final[Mapping[int, ApiCall]] = {
    n: ApiCall("open", "GET", f"/api/v1/access/general/lock/open/remote/accepted/{n}") for n in (1, 2)
}
_HEAD: Final = re.compile(r"^<\d{1,3}>\S*\s*", re.ASCII)
# Where in the line what stands, and where what was presented stands.
_EVENTS: Final[tuple[tuple[int, str, Sight, int | None], ...]] = (
    (2, "Door was opened with door sensor", Sight.DOOR_OPENED, None),
    (2, "Door was closed with door sensor", Sight.DOOR_CLOSED, None),
    (2, "Door opened by exit button", Sight.EXIT_BUTTON, None),
    (6, "Door opened by card. Info", Sight.CARD_OPENED, 4),
    (6, "Door opened by access code. Info", Sight.CODE_OPENED, 2),
)

BASIP: Final = BasIp(name="basip", models=model_names(r"(bas-?ip|a[av]-)"), opens=_OPENS, api=BasIpApi())
