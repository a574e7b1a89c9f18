"""A house with a daemon, made without the command line, which takes half a second a thing.

async with home(folder, addresses, Apartment("101", 0, ("Anna", "Ben"))) as here:
    async with here.gate() as gate, here.phones["Anna"].connected() as anna: …
"""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.admin import apartments, buildings, devices, macs, relays, residents
from edge.admin.devices import Placing
from edge.admin.edit import Edit
from edge.admin.find import find_device
from edge.admin.site import Site as OpenSite
from edge.admin.site import make_site
from edge.demo.device import Device
from edge.demo.site import Daemon, Site
from edge.phone.handle import Phone, PhoneSettings
from edge.portal import sessions
from edge.store.accounts import device_mqtt_password, device_sip_password
from models.device import DeviceType
from models.service import FeaturePlan
from tests.loopback.portal.phones import Handset
from tests.unit.edge.portal.browser import BrowserKey

GATE: Final = "0c1105e00001"
MONITOR: Final = "0c1105e00002"
GUARD: Final = "0c1105e00003"
HTTP_PORT: Final = 8080
FAR_PORT: Final = 5070
LANDLINE: Final = "+4930123456"
WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Apartment:
    """An apartment of building 1, who lives there, and options of `edge.admin.apartments`."""

    number: str
    call_type: int = 0
    people: Sequence[str] = ()
    landline: bool = False
    monitor: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logins:
    """Of one device."""

    sip: Mapping[str, str]  # user, password
    mqtt: Mapping[str, Any]  # user, password


@dataclass
class Home:
    """The daemon runs, on *address*; the gate, the monitor and the guard phone are there for who starts them."""

    site: Site
    daemon: Daemon
    origin: str
    addresses: Iterator[str]
    devices: Mapping[str, Logins]  # by MAC
    phones: Mapping[str, Handset]  # by first name
    far: str  # the telephone company: address of the telephone behind it

    @property
    def server(self) -> str:
        host, port = self.daemon.sip
        return f"{host}:{port}"

    def uri(self, dialled: str) -> str:
        return f"sip:{dialled}@{self.server}"

    def phone(self, mac: str, **more: Any) -> PhoneSettings:
        """SIP alone, of a device."""
        sip, server = self.devices[mac].sip, self.server
        told: dict[str, Any] = {
            "domain": server.partition(":")[0], "registrar": f"sip:{server}", "proxy": f"sip:{server};lr", "port": 5060,
            **more,
        }  # fmt: skip
        return PhoneSettings(next(self.addresses), sip["user"], sip["password"], **told)

    @contextlib.asynccontextmanager
    async def device(self, mac: str, type: str, **more: Any) -> AsyncIterator[Device]:
        """SIP and the device plane, both up."""
        mqtt = {
            **self.daemon.ready["mqtt"], "tls": None, "ca_file": None, **self.devices[mac].mqtt, "client_id": mac,
            "prefix": "intercom", "community": self.daemon.ready["community"],
        }  # fmt: skip
        phone = dataclasses.asdict(self.phone(mac, **more))
        settings = {"mqtt": mqtt, "phone": phone, "model": "SIM-1", "type": type, "engine": "own"}
        async with Device(mac, settings) as started:
            await started.wait("link", online=True, timeout_s=WITHIN_S)
            await started.registered(WITHIN_S)
            yield started

    def gate(self, **more: Any) -> contextlib.AbstractAsyncContextManager[Device]:
        """The door phone; it says 440 Hz."""
        return self.device(GATE, "0", **{"tone_hz": 440, **more})

    @contextlib.asynccontextmanager
    async def sip_phone(self, mac: str, **more: Any) -> AsyncIterator[Phone]:
        async with Phone(self.phone(mac, **more), "own") as started:
            await started.registered(WITHIN_S)
            yield started

    def landline(self, *steps: tuple[float, int]) -> Phone:
        """The telephone behind the trunk, to be started."""
        return Phone(PhoneSettings(self.far, "far", port=FAR_PORT, answer_steps=steps or ((0, 180), (0.2, 200))), "own")


@contextlib.asynccontextmanager
async def home(
    folder: Path,
    addresses: Iterator[str],
    *homes: Apartment,
    guard: bool = False,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> AsyncIterator[Home]:
    """*settings*: `section.key` to value; *secrets*: files of the site. The gate has relay 1, *Street*."""
    address, far = next(addresses), next(addresses)
    origin = f"http://{address}:{HTTP_PORT}"
    own = [address]
    make_site(
        folder / "site",
        {
            "name": "Home", "time_zone": "Europe/Berlin", "country": "DE", "plan": FeaturePlan.PREMIUM,
            "landline_service": True, "community_calls": True,
        },
        settings={
            "sip.listen": own, "mqtt.listen": own, "mqtt.broker": "embedded",
            "http.listen": own, "http.port": HTTP_PORT, "app.public_url": origin,
            "trunk.host": far, "trunk.port": FAR_PORT, "trunk.user": "house", **(settings or {}),
        },
    )  # fmt: skip
    opened = OpenSite.open(folder / "site")
    for name, secret in {"trunk_password": "not-asked-for", **(secrets or {})}.items():
        opened.secrets.write_text(name, secret)
    try:
        with opened.admin("installer").edit() as edit:
            found, phones = _furnish(edit, homes, origin, guard=guard)
    finally:
        opened.close()
    site = Site(folder / "site", address)
    async with site.daemon(folder / "serve.log") as daemon:
        yield Home(site, daemon, origin, addresses, found, phones, far)


def _furnish(
    edit: Edit, homes: Sequence[Apartment], origin: str, *, guard: bool
) -> tuple[dict[str, Logins], dict[str, Handset]]:
    macs.add(edit, [GATE, MONITOR, GUARD])
    buildings.add(edit, "1")
    devices.add(edit, GATE, name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
    relays.add(edit, GATE, 1, name="Street")
    there, phones = [GATE], {}
    if guard:
        devices.add(edit, GUARD, name="Guard", type=DeviceType.GUARD_PHONE, placing=Placing())
        there.append(GUARD)
    for each in homes:
        typed = f"1/{each.number}"
        apartments.add(edit, typed, call_type=each.call_type, whitelisted=True, **each.options)
        if each.landline:
            apartments.set_landline(edit, typed, 1, LANDLINE)
        if each.monitor:
            placing = Placing(apartment=typed)
            devices.add(edit, MONITOR, name="Hall", type=DeviceType.INDOOR_MONITOR, placing=placing, arming=True)
            there.append(MONITOR)
        for name in each.people:
            phones[name] = let_in(edit, residents.add(edit, typed, first_name=name, last_name="Berg"), origin)
    return {mac: _logins(edit, mac) for mac in there}, phones


def let_in(edit: Edit, resident: str, origin: str) -> Handset:
    """A phone of *resident*, as if it had followed its invitation."""
    key = BrowserKey()
    return Handset(sessions.redeem(edit, sessions.invite(edit, resident, 1.0), key.point, "phone").id, key, origin)


def _logins(edit: Edit, mac: str) -> Logins:
    row = find_device(edit, mac)
    sip = device_sip_password(edit.connection, edit.vault, row.id)
    mqtt = device_mqtt_password(edit.connection, edit.vault, row.id)
    assert sip is not None
    return Logins({"user": row.sip_user, "password": sip}, {"user": mac, "password": mqtt})
