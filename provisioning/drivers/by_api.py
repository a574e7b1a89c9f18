"""Families that fetch nothing and are set by requests (IS Sokol, Hikvision, Beward), and what opens their doors.

Only requests that drivers in use, or the maker's own text, show. Dahua, DoorBird: no request that sets an account is
known to us, so a person types it in, and the edge only opens. What is set is not read back here: no reply that says
what they have is known to us. 2N and BasIP have files of their own.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from provisioning.api import Section, Told
from provisioning.desired import DesiredRelay, DesiredState, Login
from provisioning.driver import ApiCall, Method
from provisioning.family import Family, model_names
from provisioning.formats import element, one_line, xml

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_XML: Final = "application/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class RequestApi:
    """Sends the requests of a family, and opens. *family*: whose."""

    family: Callable[[], Family]
    auth: Literal["digest", "basic"] = "basic"

    @property
    def factory(self) -> tuple[Login, ...]:
        return ()

    @property
    def holders(self) -> None:
        return None

    @property
    def log(self) -> None:
        return None

    def probe(self) -> None:
        return None

    def told(self, body: bytes) -> Told:
        return Told()

    def check(self, body: bytes) -> None:
        """What they say of a request that failed is its status."""

    def sections(self, desired: DesiredState, told: Told) -> Sequence[Section]:
        calls = {call.item: call for call in self.family().calls(desired)}
        wanted = {item: hashlib.sha256(call.path.encode() + call.body).hexdigest() for item, call in calls.items()}
        if not wanted:
            return ()
        return (Section("requests", wanted, (), lambda _: {}, lambda changed, _: [calls[i] for i in changed]),)

    def trigger(self, relay: int, hold_s: int) -> ApiCall | None:
        """For the hold time that the device was set to."""
        return self.family().opening(relay)

    def replace_login(self, current: Login, wanted: Login) -> Sequence[ApiCall]:
        return ()

    def order(self, verb: str, fields: Mapping[str, object]) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Sokol(Family):
    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        sip = desired.sip
        remote = {"username": sip.user, "password": sip.password, "domain": sip.host, "port": sip.port}
        options: dict[str, object] = {
            "ringDuration": desired.around.ring_s,
            "talkDuration": desired.around.talk_s,
            "dtmf": {str(relay.number): relay.dtmf for relay in _usable(desired, self.opens)},
        }
        calls = [
            _json("account", "PUT", "/sip/settings", {"videoEnable": True, "remote": remote}),
            _json("calls", "PUT", "/sip/options", options),
            ApiCall("common code off", "DELETE", "/openCode/0"),
        ]
        for relay in _usable(desired, self.opens):
            settings = {"alwaysOpen": False, "switchTime": relay.hold_s}
            calls.append(_json(f"relay {relay.number}", "PUT", f"/relay/{relay.number}/settings", settings))
        return tuple(calls)


@dataclass(frozen=True, slots=True)
class Hikvision(Family):
    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        sip = desired.sip
        settings = {
            "enabled": "true" if desired.enabled else "false",
            "proxy": sip.host,
            "proxyPort": str(sip.port),
            "displayName": one_line(desired.name),
            "userName": sip.user,
            "authID": sip.user,
            "password": sip.password,
            "expires": str(sip.expires_s),
        }
        standard = element("Standard", children=[element(tag, text) for tag, text in settings.items()])
        account = element("SIPServerList", children=[element("SIPServer", children=[element("id", "1"), standard])])
        times = [element("maxRingTime", str(desired.around.ring_s)), element("talkTime", str(desired.around.talk_s))]
        calls = [
            ApiCall("account", "PUT", "/ISAPI/System/Network/SIP", xml(account), _XML),
            ApiCall(
                "calls",
                "PUT",
                "/ISAPI/VideoIntercom/operationTime",
                xml(element("OperationTime", children=times)),
                _XML,
            ),
        ]
        for relay in _usable(desired, self.opens):
            door = element("DoorParam", children=[
                element("doorName", one_line(relay.name) or f"Door{relay.number}"),
                element("openDuration", str(relay.hold_s)),
            ])  # fmt: skip
            path = f"/ISAPI/AccessControl/Door/param/{relay.number}"
            calls.append(ApiCall(f"relay {relay.number}", "PUT", path, xml(door), _XML))
        return tuple(calls)


@dataclass(frozen=True, slots=True)
class Beward(Family):
    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        sip = desired.sip
        account = {
            "cksip": "1",
            "sipname": sip.user,
            "number": sip.user,
            "username": sip.user,
            "pass": sip.password,
            "sipport": str(sip.port),
            "ckenablesip": "1" if desired.enabled else "0",
            "regserver": sip.host,
            "regport": str(sip.port),
            "sipserver": sip.host,
            "sipserverport": str(sip.port),
            "passchanged": "1",
        }
        codes = {f"dtmfout{relay.number}": relay.dtmf for relay in _usable(desired, self.opens)}
        return (
            _form("account", "/webs/SIP1CfgEx", account),
            *((_form("DTMF", "/webs/SIPExtCfgEx", codes),) if codes else ()),
            # The maker's way to leave a door open while the SIP server is gone: off.
            _form("open without server off", "/cgi-bin/intercom_cgi", {"action": "set", "DoorOpenSipFail": "off"}),
        )


def _usable(desired: DesiredState, opens: Mapping[int, ApiCall]) -> tuple[DesiredRelay, ...]:
    return tuple(relay for relay in desired.relays if relay.number in opens)


def _json(item: str, method: Method, path: str, body: Mapping[str, object]) -> ApiCall:
    return ApiCall(item, method, path, json.dumps(body).encode(), _JSON)


def _form(item: str, path: str, fields: Mapping[str, str]) -> ApiCall:
    """Fields in the body: an address is logged by whoever sees it."""
    return ApiCall(item, "POST", path, urlencode(fields).encode(), _FORM)


def _opening(method: Method, path: str, body: bytes = b"", media_type: str = "") -> ApiCall:
    return ApiCall("open", method, path, body, media_type)


_CMD_OPEN: Final = b"<RemoteControlDoor><cmd>open</cmd></RemoteControlDoor>"

SOKOL: Final[Family] = Sokol(
    name="sokol",
    models=model_names(r"(is[ -]?sokol|sokol)"),
    opens={n: _opening("PUT", f"/relay/{n}/open") for n in (1, 2)},
    api=RequestApi(lambda: SOKOL),
)
HIKVISION: Final[Family] = Hikvision(
    name="hikvision",
    models=model_names(r"(hikvision|ds-k)"),
    opens={n: _opening("PUT", f"/ISAPI/AccessControl/RemoteControl/door/{n}", _CMD_OPEN, _XML) for n in (1, 2)},
    api=RequestApi(lambda: HIKVISION, auth="digest"),
)
BEWARD: Final[Family] = Beward(
    name="beward",
    models=model_names(r"(beward|dks?\d)"),
    opens={
        1: _opening("GET", "/cgi-bin/intercom_cgi?action=maindoor"),
        2: _opening("GET", "/cgi-bin/intercom_cgi?action=altdoor"),
    },
    api=RequestApi(lambda: BEWARD),
)
DAHUA: Final[Family] = Family(
    name="dahua",
    models=model_names(r"(dahua|vto)"),
    opens={1: _opening("GET", "/cgi-bin/accessControl.cgi?action=openDoor&UserID=101&Type=Remote&channel=1")},
    api=RequestApi(lambda: DAHUA, auth="digest"),
)
DOORBIRD: Final[Family] = Family(
    name="doorbird",
    models=model_names(r"(doorbird|d\d{3,4}[a-z]*v?)"),
    makers=frozenset({"1ccae3"}),
    opens={n: _opening("GET", f"/bha-api/open-door.cgi?r={n}") for n in (1, 2)},
    api=RequestApi(lambda: DOORBIRD),
)
