"""Families that fetch nothing and are set by requests (BasIP, IS Sokol, Hikvision, Beward), and what opens their doors.

Only requests that drivers in use, or the maker's own text, show. 2N, Dahua, DoorBird: no request that sets an account
is known to us, so a person types it in, and the edge only opens.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from provisioning.desired import DesiredRelay, DesiredState
from provisioning.driver import ApiCall, Method
from provisioning.family import Family, model_names
from provisioning.formats import element, one_line, xml

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_XML: Final = "application/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class BasIp(Family):
    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        sip = desired.sip
        account = {
            "outbound": "",
            "password": sip.password,
            "proxy": f"sip:{sip.server}",
            "realm": sip.server,
            "registration_interval": sip.expires_s,
            "transport": sip.transport,
            "user": sip.user,
            "user_id": sip.user,
            "stun": {"ip": "127.0.0.1", "port": 3478},  # how these devices are told: none
        }
        calls = [
            _json("account", "POST", "/api/v1/device/sip/settings", account),
            _json("account enabled", "POST", "/api/v1/device/sip/enable", {"sip_enable": desired.enabled}),
            _json("talking", "POST", "/api/v1/device/call/talk/timeout", {"talk_timeout": desired.around.talk_s}),
            # A code that opens for everybody is not ours: off.
            _json(
                "common code off",
                "POST",
                "/api/v1/access/general/unlock/input/code",
                {"input_code_enable": False, "input_code_number": 0},
            ),
        ]
        for relay in _usable(desired, self.opens):
            place = f"/api/v1/access/general/lock/{{}}/{relay.number}"
            calls.append(
                _json(f"relay {relay.number} hold", "POST", place.format("timeout"), {"lock_timeout": relay.hold_s})
            )
            calls.append(_json(f"relay {relay.number} DTMF", "POST", place.format("dtmf"), {"dtmf_code": relay.dtmf}))
        return tuple(calls)


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

BASIP: Final = BasIp(
    name="basip",
    models=model_names(r"(bas-?ip|a[av]-)"),
    opens={n: _opening("GET", f"/api/v1/access/general/lock/open/remote/accepted/{n}") for n in (1, 2)},
)
SOKOL: Final = Sokol(
    name="sokol",
    models=model_names(r"(is[ -]?sokol|sokol)"),
    opens={n: _opening("PUT", f"/relay/{n}/open") for n in (1, 2)},
)
HIKVISION: Final = Hikvision(
    name="hikvision",
    models=model_names(r"(hikvision|ds-k)"),
    opens={n: _opening("PUT", f"/ISAPI/AccessControl/RemoteControl/door/{n}", _CMD_OPEN, _XML) for n in (1, 2)},
)
BEWARD: Final = Beward(
    name="beward",
    models=model_names(r"(beward|dks?\d)"),
    opens={
        1: _opening("GET", "/cgi-bin/intercom_cgi?action=maindoor"),
        2: _opening("GET", "/cgi-bin/intercom_cgi?action=altdoor"),
    },
)
TWO_N: Final = Family(
    name="2n",
    models=model_names(r"2n\b"),
    makers=frozenset({"7c1eb3"}),
    opens={n: _opening("GET", f"/api/switch/ctrl?switch={n}&action=trigger") for n in (1, 2, 3, 4)},
)
DAHUA: Final = Family(
    name="dahua",
    models=model_names(r"(dahua|vto)"),
    opens={1: _opening("GET", "/cgi-bin/accessControl.cgi?action=openDoor&UserID=101&Type=Remote&channel=1")},
)
DOORBIRD: Final = Family(
    name="doorbird",
    models=model_names(r"(doorbird|d\d{3,4}[a-z]*v?)"),
    makers=frozenset({"1ccae3"}),
    opens={n: _opening("GET", f"/bha-api/open-door.cgi?r={n}") for n in (1, 2)},
)
