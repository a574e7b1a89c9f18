"""Akuvox door phones and indoor monitors: the configuration file `<MAC>.cfg`, and three tables that door phones import.

Keys are those of a monitor's whole template and of drivers in use, see docs/devices.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from models.access import CredentialKind, UnlockMethod
from models.schedule import Schedule
from provisioning.desired import DesiredState, PanelCredential
from provisioning.driver import Capabilities, ConfigFile, Items
from provisioning.drivers.akuvox_api import AkuvoxApi
from provisioning.family import Family, beside, file_names, model_names
from provisioning.formats import element, key_values, one_line, parse_key_values, xml

REFUSED: Final = "%'=&;"
"""Characters that the devices take in no label and no password."""
_LETTERS: Final = "ABCD"
_TRANSPORTS: Final = {"udp": "0", "tcp": "1", "tls": "2"}
_DAYS: Final = ("Mon", "Tue", "Wed", "Thur", "Fri", "Sat", "Sun")
_ALL_DAY: Final = ("00:00", "23:59")
_XML: Final = "application/xml; charset=utf-8"
_LATER_S: Final = "5"
_SIP_ONLY: Final = "2"
_RING_S: Final = range(30, 121)  # bounds of the devices' own settings
_TALK_MIN: Final = range(2, 31)
_DIGEST: Final = "4"


@dataclass(frozen=True, slots=True)
class Akuvox(Family):
    def capabilities(self, model: str, *, is_door: bool) -> Capabilities:
        if not model:
            return Capabilities(fetches=True, known=False)
        if not is_door:
            return Capabilities(fetches=True, max_relays=0)
        return Capabilities(fetches=True, fallback=True, panel_credentials=True, max_relays=len(_LETTERS))

    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        can = self.capabilities(desired.model, is_door=desired.type.is_door)
        files = [ConfigFile(f"{desired.mac.upper()}.cfg", key_values(settings(desired, can)))]
        if can.fallback:
            files.append(_table(desired, "DialReplace", element("Dial", children=[_dial(desired)])))
        if can.panel_credentials:
            files.append(_table(desired, "PrivateKey", _keys(desired, (CredentialKind.PIN,))))
            files.append(_table(desired, "ICKey", _keys(desired, (CredentialKind.RF_CARD, CredentialKind.NFC))))
        return files

    def parse(self, body: bytes) -> Items:
        return parse_key_values(body)


def settings(desired: DesiredState, can: Capabilities) -> Items:
    """The whole configuration by the device's own keys."""
    own = dict(_common(desired)) | dict(_door(desired, can) if desired.type.is_door else _monitor(desired))
    return beside(own, desired)


def _api_settings(desired: DesiredState) -> Items:
    return settings(desired, AKUVOX.capabilities(desired.model, is_door=desired.type.is_door))


def _common(desired: DesiredState) -> Iterator[tuple[str, str]]:
    sip, name = desired.sip, one_line(desired.name, without=REFUSED)
    account = "Config.Account1"
    yield f"{account}.GENERAL.Enable", "1" if desired.enabled else "0"
    yield f"{account}.GENERAL.Label", name
    yield f"{account}.GENERAL.DisplayName", name
    yield f"{account}.GENERAL.UserName", sip.user
    yield f"{account}.GENERAL.AuthName", sip.user
    yield f"{account}.GENERAL.Pwd", sip.password
    yield f"{account}.SIP.Server", sip.host
    yield f"{account}.SIP.Port", str(sip.port)
    yield f"{account}.SIP.TransType", _TRANSPORTS[sip.transport]
    yield f"{account}.AUTO_ANSWER.Enable", "0"
    # A call by address goes past the registrar: only inside a network group, and only from who is trusted.
    yield "Config.Settings.GENERAL.DirectIP", "1" if desired.ip_targets else "0"
    yield "Config.Settings.SECURITY.OnlyAcceptTrusted", "1" if desired.ip_targets else "0"
    yield "Config.Settings.WEB_LOGIN.User", desired.admin.user
    yield "Config.Settings.WEB_LOGIN.Password", desired.admin.password
    yield "Config.Settings.WEB_LOGIN.Password02", desired.admin.password
    yield from _provisioning(desired)
    yield from _nobody_else()
    yield "Config.Settings.CALLTIMEOUT.DialIn", str(_within(_RING_S, desired.around.ring_s))
    yield "Config.Settings.CALLTIMEOUT.DialOut", str(_within(_RING_S, desired.around.ring_s))
    yield "Config.Settings.SNTP.TimeZone", _zone(desired.utc_offset_min)
    yield "Config.Settings.SNTP.Name", desired.time_zone.rpartition("/")[2].replace("_", " ")
    if desired.around.ntp_server:
        yield "Config.Settings.SNTP.Enable", "1"
        yield "Config.Settings.SNTP.NTPServer1", one_line(desired.around.ntp_server, without=REFUSED)
    yield "Config.Settings.LOGLEVEL.RemoteSyslog", "1" if desired.around.syslog_server else "0"
    yield "Config.Settings.LOGLEVEL.RemoteServer", one_line(desired.around.syslog_server, without=REFUSED)


def _provisioning(desired: DesiredState) -> Iterator[tuple[str, str]]:
    yield "Config.Autoprovision.GENERAL.Url", desired.files.url
    yield "Config.Autoprovision.GENERAL.UserName", desired.files.user
    yield "Config.Autoprovision.GENERAL.Pwd", desired.files.password
    yield "Config.Autoprovision.MODE.Mode", "1"
    yield "Config.Autoprovision.PNP.Enable", "0"  # it knows us by now; anybody may answer a multicast


def _nobody_else() -> Iterator[tuple[str, str]]:
    """What phones home, or lets others in, is off."""
    yield "Config.DoorSetting.CLOUDSERVER.RpsEnable", "0"
    yield "Config.DoorSetting.CLOUDSERVER.RpsServer", ""
    yield "Config.DoorSetting.REMOTEDEBUG.Enable", "0"


def _door(desired: DesiredState, can: Capabilities) -> Iterator[tuple[str, str]]:
    yield "Config.DoorSetting.APIFCGI.Enable", "1"  # how the edge opens a panel that does not speak MQTT
    yield "Config.DoorSetting.APIFCGI.AuthMode", _DIGEST
    yield "Config.DoorSetting.APIFCGI.UserName", desired.admin.user
    yield "Config.DoorSetting.APIFCGI.Password", desired.admin.password
    yield "Config.DoorSetting.RTSP.Authorization", "1"
    yield "Config.DoorSetting.RTSP.Password", desired.admin.password
    yield "Config.Features.DOORPHONE.MaxCallTime", str(_within(_TALK_MIN, desired.around.talk_s // 60))
    yield "Config.DoorSetting.DTMF.Enable", "1" if any(relay.dtmf for relay in desired.relays) else "0"
    relays = {relay.number: relay for relay in desired.relays}
    for number in range(1, can.max_relays + 1):
        # Whatever opens a door by itself, or by the code that all such devices come with, is off at every relay.
        letter, relay = _LETTERS[number - 1], relays.get(number)
        yield f"Config.DoorSetting.DTMF.Code{number}", relay.dtmf if relay is not None else ""
        yield f"Config.DoorSetting.RELAY.Relay{letter}TrigAlways", "0"
        yield f"Config.DoorSetting.RELAYSCHEDULE.Relay{letter}Enable", "0"
        if relay is not None:
            yield f"Config.DoorSetting.RELAY.RelayName{letter}", one_line(relay.name, without=REFUSED)
            yield f"Config.DoorSetting.RELAY.Relay{letter}Delay", str(relay.hold_s)
            yield f"Config.DoorSetting.RELAY.TriggerDelay{letter}", str(relay.trigger_s)
    yield from _action_urls(desired, can)


def _action_urls(desired: DesiredState, can: Capabilities) -> Iterator[tuple[str, str]]:
    """What was entered is in none of them: `$code` would put a PIN into an address."""
    yield "Config.Features.ACTIONURL.Enable", "1" if desired.around.hook_url else "0"
    if not desired.around.hook_url:
        return
    told = "?mac=$mac&event="
    for key in ("MakeCall", "HangUp", "ValidCodeEntered", "InvalidCodeEntered", "AlarmTriggered", "InputBreakIn"):
        yield f"Config.Features.ACTIONURL.{key}", f"{desired.around.hook_url}{told}{key}"
    for key in ("ValidCardEntered", "InvalidCardEntered"):
        yield f"Config.Features.ACTIONURL.{key}", f"{desired.around.hook_url}{told}{key}&card_sn=$card_sn"
    for letter in _LETTERS[: can.max_relays]:
        key = f"Relay{letter}Triggered"
        yield f"Config.Features.ACTIONURL.{key}", f"{desired.around.hook_url}{told}{key}"


def _monitor(desired: DesiredState) -> Iterator[tuple[str, str]]:
    for number in range(1, 4):
        code = desired.door_codes[number - 1] if number <= len(desired.door_codes) else ""
        yield f"Config.DoorSetting.RELAY.DTMFCode{number if number > 1 else ''}", code
    yield "Config.Features.INTERCOM.Preview", "1"
    yield "Config.DoorSetting.DEVICENODE.Location", one_line(desired.name, without=REFUSED)


def _zone(minutes: int) -> str:
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"GMT{sign}{size // 60}:{size % 60:02}"


def _within(bounds: range, value: int) -> int:
    return min(max(value, bounds.start), bounds.stop - 1)


# --- tables ---------------------------------------------------------------------------------------------------------


def _table(desired: DesiredState, what: str, root: Element) -> ConfigFile:
    return ConfigFile(f"{desired.mac.upper()}-{what}.xml", xml(root), _XML)


def _dial(desired: DesiredState) -> Element:
    """Each apartment goes to the edge first; where the edge does not answer, its monitor is rung by address."""
    addresses = {each.name: each.dial for each in desired.fallback}
    rows = []
    for number, apartment in enumerate(desired.whitelist, start=1):
        monitor = addresses.get(apartment, "")
        row = {"ID": str(number), "Prefix": apartment, "Replace": "", "Replace2": apartment, "Replace3": monitor}
        row |= {"Replace4": "", "Replace5": ""}
        row |= {f"DelayTime{place}": _LATER_S if place == 3 and monitor else "0" for place in range(1, 6)}
        rows.append(element("Data", attributes=row | {"Line": "1", "Tags": _SIP_ONLY}))
    return element("DialReplace", children=rows)


def _keys(desired: DesiredState, kinds: tuple[CredentialKind, ...]) -> Element:
    rows: list[Element] = []
    for credential in desired.credentials:
        hours = _hours(credential)
        # The device knows no PIN behind an apartment's number: alone, one that is short enough for that would open.
        if credential.kind not in kinds or hours is None or credential.after_apartment:
            continue
        name = one_line(credential.apartment, without=REFUSED)
        row = {"ID": str(len(rows) + 1), "Admin": "0", "Name": name, "Code": credential.value}
        row |= {"DoorNum": _doors(desired, credential.kind), "WiegandDoorNum": "0"}
        rows.append(element("Key", attributes=row | hours | {"DeviceName": name, "Tags": "0"}))
    return element("KeyData", children=rows)


_METHODS: Final[Mapping[CredentialKind, frozenset[UnlockMethod]]] = {
    CredentialKind.PIN: frozenset({UnlockMethod.PIN}),
    CredentialKind.RF_CARD: frozenset({UnlockMethod.RF_CARD}),
    CredentialKind.NFC: frozenset({UnlockMethod.NFC}),
}


def _doors(desired: DesiredState, kind: CredentialKind) -> str:
    """Digits of the relays that it opens."""
    methods = _METHODS[kind]
    opened = (relay.number for relay in desired.relays if methods & relay.methods)
    return "".join(str(number) for number in sorted(opened)) or "0"


def _hours(credential: PanelCredential) -> dict[str, str] | None:
    """Days and one span of time. None: the table cannot say it, so the credential stays with the edge."""
    if credential.valid_from_ms is not None or credential.valid_until_ms is not None:
        return None
    schedule = credential.schedule
    if schedule is None:
        return {day: "1" for day in _DAYS} | {"TimeStart": _ALL_DAY[0], "TimeEnd": _ALL_DAY[1]}
    return None if schedule.holiday is not None or schedule.days else _one_span(schedule)


def _one_span(schedule: Schedule) -> dict[str, str] | None:
    spans = {(row.from_minute, row.to_minute) for row in schedule.rows}
    days = [row.weekday for row in schedule.rows]
    if len(spans) != 1 or len(set(days)) != len(days):
        return None
    ((start, end),) = spans
    if end <= start:
        return None
    last = end - 1  # the table's end is the last minute inside
    times = {"TimeStart": f"{start // 60:02}:{start % 60:02}", "TimeEnd": f"{last // 60:02}:{last % 60:02}"}
    return {day: str(int(number in days)) for number, day in enumerate(_DAYS)} | times


AKUVOX: Final = Akuvox(
    name="akuvox",
    models=model_names(r"(akuvox|(r|e|x|c|s|it|a)\d{2,3})"),
    makers=frozenset({"0c1105"}),
    files=file_names(r"MAC\.cfg", r"MAC-(dialreplace|privatekey|ickey)\.xml"),
    api=AkuvoxApi(_api_settings),
)
