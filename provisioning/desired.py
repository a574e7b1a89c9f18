"""What a device should be told, whatever its vendor: derived from the snapshot and its logins, nothing else.

Equal states give equal files.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, cast
from zoneinfo import ZoneInfo

from edge.core.device_config import DeviceConfigs
from edge.core.snapshot import Snapshot
from models.access import CredentialKind, UnlockMethod
from models.device import Device, DeviceType
from models.schedule import Schedule

MASK: Final = "********"
"""What stands in the place of a secret where files are shown to people."""
_ADMIN: Final = "admin"
_ADMIN_PASSWORD_CHARS: Final = 24


@dataclass(frozen=True, slots=True)
class SipAccount:
    """The device's own account at the edge."""

    user: str
    password: str = field(repr=False)
    host: str = ""
    port: int = 5060
    transport: str = "udp"  # udp, tcp, tls
    expires_s: int = 300

    @property
    def domain(self) -> str:
        """The host as it stands in a URI: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def server(self) -> str:
        """host:port."""
        return f"{self.domain}:{self.port}"


@dataclass(frozen=True, slots=True)
class FileLogin:
    """How a device fetches its files from then on: with its login of the device plane."""

    url: str  # with a slash at its end
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DesiredRelay:
    """An enabled relay. Security relays are not the door phone's to move, so they are in no vendor's file."""

    number: int
    name: str
    hold_s: int
    trigger_s: int
    dtmf: str  # "" = none opens it
    methods: frozenset[UnlockMethod] = frozenset()


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    dial: str


@dataclass(frozen=True, slots=True)
class PanelCredential:
    """A credential whose home is the panel (domain §12)."""

    id: str
    kind: CredentialKind
    value: str = field(repr=False)
    apartment: str
    schedule: Schedule | None = None  # None = always
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    after_apartment: bool = False  # a PIN that opens behind the apartment's number only: too short to open by itself


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the site has for its devices; "" = nothing, and the device keeps what it has."""

    ntp_server: str = ""
    syslog_server: str = ""
    hook_url: str = ""  # where devices report events, without a query; a token is in it
    ring_s: int = 60
    talk_s: int = 300


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything that a driver may set. What a family has no setting for is left to the edge."""

    mac: str  # 12 lower-case hex digits
    name: str
    type: DeviceType
    enabled: bool
    time_zone: str  # IANA
    sip: SipAccount
    files: FileLogin
    admin: Login  # of its web page and API, in the place of the factory's
    model: str = ""  # as the device last said; "" = never: drivers render the safe subset
    utc_offset_min: int = 0  # of standard time, east positive
    relays: tuple[DesiredRelay, ...] = ()
    contacts: tuple[Contact, ...] = ()
    whitelist: tuple[str, ...] = ()  # what a door may dial
    fallback: tuple[Contact, ...] = ()  # an apartment, and the address that answers while the edge is dead
    credentials: tuple[PanelCredential, ...] = ()
    ip_targets: tuple[str, ...] = ()  # addresses of its network group: calls between them need no registrar
    door_codes: tuple[str, ...] = ()  # DTMF codes that a monitor sends to its door, by relay number
    around: Surroundings = Surroundings()
    lines: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # an installer's own, by the vendor's keys

    def masked(self) -> "DesiredState":
        """The same with no secret in it, to be shown: what is not there cannot leak."""
        return replace(
            self,
            sip=replace(self.sip, password=MASK),
            files=replace(self.files, password=MASK),
            admin=replace(self.admin, password=MASK),
            around=replace(self.around, hook_url=MASK if self.around.hook_url else ""),
            credentials=tuple(replace(each, value=MASK) for each in self.credentials),
            lines=tuple((key, MASK) for key, _ in self.lines),
        )


def desired_of(
    snapshot: Snapshot,
    device: Device,
    sip: SipAccount,
    files: FileLogin,
    now_ms: int,
    *,
    model: str = "",
    credentials: Sequence[PanelCredential] = (),
    around: Surroundings = Surroundings(),  # noqa: B008  # frozen
    configs: DeviceConfigs | None = None,
    lines: Sequence[tuple[str, str]] = (),
) -> DesiredState:
    """The desired state of *device* at *now_ms* (Unix milliseconds).

    *configs*: of the same snapshot, where many devices are asked for; what they share is made once then.
    """
    config = (configs or DeviceConfigs(snapshot, now_ms)).of(device)
    return DesiredState(
        mac=device.mac,
        name=device.name,
        type=device.type,
        enabled=device.enabled,
        time_zone=snapshot.community.time_zone,
        sip=sip,
        files=files,
        admin=Login(_ADMIN, admin_password(files.password)),
        model=model,
        utc_offset_min=standard_offset_min(snapshot.community.time_zone, now_ms),
        relays=_relays(device),
        contacts=tuple(Contact(each["name"], each["dial"]) for each in _listed(config, "contacts")),
        whitelist=tuple(cast("Sequence[str]", config.get("whitelist", ()))),
        fallback=tuple(Contact(each["apartment"], each["address"]) for each in _listed(config, "fallback")),
        credentials=tuple(credentials),
        ip_targets=_group(snapshot, device),
        door_codes=_door_codes(snapshot, device),
        around=around,
        lines=tuple(lines),
    )


def admin_password(own: str) -> str:
    """The password of a device's web page, from its *own* one of the device plane: renewed together with that, stored
    nowhere, and telling nothing of it."""
    return hmac.new(own.encode(), b"web page", hashlib.sha256).hexdigest()[:_ADMIN_PASSWORD_CHARS]


def standard_offset_min(time_zone: str, now_ms: int) -> int:
    """Minutes that standard time is east of UTC in the year of *now_ms*: summer time is the larger of the two."""
    year = datetime.fromtimestamp(now_ms / 1000, UTC).year
    offsets = [datetime(year, month, 1, tzinfo=ZoneInfo(time_zone)).utcoffset() for month in (1, 7)]
    return min(int(offset.total_seconds()) // 60 for offset in offsets if offset is not None)


def _relays(device: Device) -> tuple[DesiredRelay, ...]:
    return tuple(
        DesiredRelay(
            relay.number,
            relay.name,
            relay.hold_s,
            relay.trigger_s,
            relay.dtmf if UnlockMethod.DTMF in relay.methods else "",
            relay.methods,
        )
        for relay in device.relays
        if relay.enabled and not relay.security
    )


def _group(snapshot: Snapshot, device: Device) -> tuple[str, ...]:
    """Static addresses of the others of its network group (a device without a group is in none, decision 20)."""
    if not device.network_group:
        return ()
    same = (d for d in snapshot.devices.values() if d.network_group == device.network_group and d.id != device.id)
    return tuple(sorted(other.static_address for other in same if other.static_address and other.enabled))


def _door_codes(snapshot: Snapshot, device: Device) -> tuple[str, ...]:
    """Of the first door that serves the apartment of a monitor."""
    home = snapshot.apartments.get(device.apartment) if device.apartment is not None else None
    if home is None or device.type.is_door:
        return ()
    serving = [
        d for d in snapshot.devices.values() if d.type.is_door and d.enabled and d.serves(home.id, home.building)
    ]
    if not serving:
        return ()
    codes = {relay.number: relay.dtmf for relay in _relays(min(serving, key=lambda door: (door.name, door.mac)))}
    return tuple(codes.get(number, "") for number in range(1, max(codes, default=0) + 1))


def _listed(config: Mapping[str, object], section: str) -> Sequence[Mapping[str, str]]:
    return cast("Sequence[Mapping[str, str]]", config.get(section, ()))
