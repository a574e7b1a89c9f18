"""2N IP intercoms: account, directory, switches and log by the maker's HTTP API (its manual, chapters 5.1 to 5.10).

The API's own accounts can't be made by the API: a person makes one, with the login that the edge has for the device.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from models.access import CredentialKind, UnlockMethod
from provisioning.api import Holder, Holders, LongPoll, Page, Refusal, Section, Sight, Sighting, Told
from provisioning.desired import DesiredState, Login
from provisioning.driver import ApiCall, Items, Method
from provisioning.family import Family, model_names
from provisioning.formats import one_line

MAX_USERS_A_REQUEST: Final = 100
MAX_SAID_CHARS: Final = 80
PULL_WAIT_S: Final = 20.0
MAX_NUMBER: Final = 10**15
MAX_TIME_S: Final = 10**11
SWITCHES: Final = (1, 2, 3, 4)
PIN_DIGITS: Final = range(2, 16)
_JSON: Final = "application/json"
_CARDS: Final = (CredentialKind.RF_CARD.value, CredentialKind.NFC.value)
_OURS: Final = uuid.UUID("6f1c1f5e-6b0e-4c55-9d0c-5a3f6f0c2e11")  # names of directory entries are made of it


@dataclass(frozen=True, slots=True)
class TwoNApi:
    auth: Literal["digest", "basic"] = "digest"
    factory: tuple[Login, ...] = ()

    @property
    def holders(self) -> Holders:
        return _DIRECTORY

    @property
    def log(self) -> LongPoll:
        return _LOG

    def probe(self) -> ApiCall:
        return ApiCall("what it is", "GET", "/api/system/info")

    def told(self, body: bytes) -> Told:
        result = _result(body)
        mac = re.sub("[^0-9a-f]", "", str(result.get("macAddr", "")).lower())
        variant, version = _said(result.get("variant")), _said(result.get("swVersion"))
        return Told(variant if variant.upper().startswith("2N") else f"2N {variant}", version, mac)

    def check(self, body: bytes) -> None:
        _result(body)

    def sections(self, desired: DesiredState, told: Told) -> Sequence[Section]:
        sip = desired.sip
        account: dict[str, object] = {
            "enabled": desired.enabled,
            "displayName": one_line(desired.name)[:60],
            "sipNumber": sip.user,
            "domain": sip.host,
            "domainPort": str(sip.port),
            "authId": sip.user,
            "proxyAddress": sip.host,
            "proxyPort": str(sip.port),
            "registrationEnabled": True,
            "registrarAddress": sip.host,
            "registrarPort": str(sip.port),
        }
        wanted = {key: _text(value) for key, value in account.items()} | {"password": sip.password}
        body = {"accounts": [{"account": 1, **account, "password": sip.password}]}

        def write(_changed: Items, _has: Items) -> Sequence[ApiCall]:
            return (_json("account", "PUT", "/api/phone/config", body),)

        read = (ApiCall("account", "GET", "/api/phone/config?account=1"),)
        return (Section("account", wanted, read, _account, write, frozenset({"password"})),)

    def trigger(self, relay: int, hold_s: int) -> ApiCall | None:
        """For the hold time that the switch was set to."""
        return _OPENS.get(relay)

    def replace_login(self, current: Login, wanted: Login) -> Sequence[ApiCall]:
        return ()

    def order(self, verb: str, fields: Mapping[str, object]) -> Sequence[ApiCall] | None:
        if verb == "reboot":
            return (ApiCall("reboot", "GET", "/api/system/restart"),)
        if verb == "reset":
            return (ApiCall("reset", "PUT", "/api/config/factoryreset"),)
        return None


class _Directory:
    """A directory entry for each credential: its uuid is made of our id, which is its name."""

    def record(self, entry: Mapping[str, object], told: Told) -> Holder | None:
        value, kind = str(entry["value"]), str(entry["kind"])
        pin, card = value if kind == CredentialKind.PIN.value else "", value if kind in _CARDS else ""
        if entry.get("method") == UnlockMethod.APT_PIN.value:
            return None  # a bare PIN would open, and it is too short for that
        if entry.get("hours") is not None or not (pin or card) or (pin and len(pin) not in PIN_DIGITS):
            return None
        key, begin, end = str(entry["credential"]), _seconds(entry.get("from")), _seconds(entry.get("until"))
        fields = {"pin": pin, "card": card, "validFrom": begin, "validTo": end}
        return Holder(key, fields)

    def page(self, number: int, told: Told) -> ApiCall:
        """Everything comes at once."""
        fields = ["name", "deleted", "access.pin", "access.card", "access.validFrom", "access.validTo"]
        return _json("directory", "POST", "/api/dir/query", {"fields": fields, "iterator": {"timestamp": 0}})

    def read(self, body: bytes, told: Told) -> Page:
        users = _result(body).get("users") or []
        there = [user for user in users if isinstance(user, dict) and not user.get("deleted")]
        return Page(tuple(_holder(user) for user in there), last=True)

    def put(self, holders: Sequence[Holder], told: Told) -> Sequence[ApiCall]:
        new = [_user(holder, str(uuid.uuid5(_OURS, holder.key)).upper()) for holder in holders if not holder.ref]
        there = [_user(holder, holder.ref) for holder in holders if holder.ref]
        return (*_chunks("create", new), *_chunks("update", there))

    def remove(self, refs: Sequence[str], told: Told) -> Sequence[ApiCall]:
        return _chunks("delete", [{"uuid": ref} for ref in refs])


_DIRECTORY: Final = _Directory()


def _chunks(action: str, users: Sequence[Mapping[str, object]]) -> tuple[ApiCall, ...]:
    return tuple(
        _json("directory", "PUT", f"/api/dir/{action}", {"users": list(users[first : first + MAX_USERS_A_REQUEST])})
        for first in range(0, len(users), MAX_USERS_A_REQUEST)
    )


def _user(holder: Holder, identity: str) -> dict[str, object]:
    fields = holder.fields
    access = {
        "pin": fields["pin"],
        "card": [fields["card"], ""],
        "validFrom": fields["validFrom"],
        "validTo": fields["validTo"],
    }
    return {"uuid": identity, "name": holder.key, "access": access}


def _holder(user: Mapping[str, Any]) -> Holder:
    told = user.get("access")
    access: dict[str, Any] = told if isinstance(told, dict) else {}
    cards = access.get("card") or [""]
    card = str(cards[0]) if isinstance(cards, list) else str(cards)
    fields = {
        "pin": str(access.get("pin", "")),
        "card": card,
        "validFrom": str(access.get("validFrom", "0")),
        "validTo": str(access.get("validTo", "0")),
    }
    return Holder(str(user.get("name", "")), fields, str(user.get("uuid", "")))


def _seconds(value: object) -> str:
    """Unix seconds of a time as devices are told it; 0 = no bound."""
    return str(int(datetime.fromisoformat(value).timestamp())) if isinstance(value, str) else "0"


def _account(bodies: Sequence[bytes]) -> Items:
    accounts = _result(bodies[0]).get("accounts") or []
    first = accounts[0] if isinstance(accounts, list) and accounts and isinstance(accounts[0], dict) else {}
    return {key: _text(value) for key, value in first.items()}


def _result(body: bytes) -> dict[str, Any]:
    read = json.loads(body)
    if not isinstance(read, dict) or "success" not in read:
        raise ValueError("no reply of this API")
    if read["success"] is not True:
        error = read.get("error")
        told = error if isinstance(error, dict) else {}
        raise Refusal(f"error {_said(told.get('code'))} {_said(told.get('param'))}".strip())
    result = read.get("result")
    return result if isinstance(result, dict) else {}


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _said(value: object) -> str:
    return one_line(str(value))[:MAX_SAID_CHARS] if value is not None else ""


def _json(item: str, method: Method, path: str, body: Mapping[str, object]) -> ApiCall:
    return ApiCall(item, method, path, json.dumps(body).encode(), _JSON)


# --- log ------------------------------------------------------------------------------------------------------------

_SIMPLE: Final[Mapping[str, Sight]] = {
    "DoorOpenTooLong": Sight.HELD_OPEN,
    "UnauthorizedDoorOpen": Sight.FORCED,
    "TamperSwitchActivated": Sight.TAMPER,
    "SilentAlarm": Sight.ALARM,
    "RexActivated": Sight.EXIT_BUTTON,
}
_FILTER: Final = ",".join(sorted({*_SIMPLE, "CardEntered", "CodeEntered", "SwitchStateChanged"}))


def _events(body: bytes) -> Sequence[Sighting]:
    events = _result(body).get("events") or []
    found = (_event(event) for event in events if isinstance(event, dict)) if isinstance(events, list) else ()
    return tuple(sighting for sighting in found if sighting is not None)


def _event(event: Mapping[str, Any]) -> Sighting | None:
    name, number, at = str(event.get("event", "")), event.get("id"), event.get("utcTime")
    more = event.get("params")
    params: dict[str, Any] = more if isinstance(more, dict) else {}
    if not isinstance(number, int) or not 0 <= number < MAX_NUMBER:
        return None
    at_ms = at * 1000 if isinstance(at, int) and 0 <= at < MAX_TIME_S else None
    if name in _SIMPLE:
        return Sighting(_SIMPLE[name], at_ms=at_ms, number=number)
    if name in ("CardEntered", "CodeEntered"):
        return _entered(name, params, at_ms, number)
    if name == "SwitchStateChanged" and params.get("state") is True and params.get("switch") in SWITCHES:
        return Sighting(Sight.RELAY, relay=params["switch"], at_ms=at_ms, number=number)
    return None


def _entered(name: str, params: Mapping[str, Any], at_ms: int | None, number: int) -> Sighting:
    good = params.get("valid") is True
    if name == "CardEntered":
        what = Sight.CARD_OPENED if good else Sight.CARD_REFUSED
        return Sighting(what, re.sub("[^0-9A-F]", "", str(params.get("uid", "")).upper())[:64], 0, at_ms, number)
    return Sighting(
        Sight.CODE_OPENED if good else Sight.CODE_REFUSED, str(params.get("code", ""))[:64], 0, at_ms, number
    )


def _channel(body: bytes) -> str:
    channel = _result(body).get("id")
    if not isinstance(channel, int):
        raise ValueError("no channel in the reply")
    return str(channel)


_LOG: Final = LongPoll(
    lambda everything: ApiCall(
        "log", "GET", f"/api/log/subscribe?include={'all' if everything else 'new'}&duration=3600&filter={_FILTER}"
    ),
    _channel,
    lambda channel: ApiCall("log", "GET", f"/api/log/pull?id={channel}&timeout={PULL_WAIT_S:.0f}"),
    _events,
    PULL_WAIT_S,
)
_OPENS: Final[Mapping[int, ApiCall]] = {
    n: ApiCall("open", "GET", f"/api/switch/ctrl?switch={n}&action=trigger") for n in SWITCHES
}
TWO_N: Final = Family(name="2n", models=model_names(r"2n\b"), makers=frozenset({"7c1eb3"}), opens=_OPENS, api=TwoNApi())
