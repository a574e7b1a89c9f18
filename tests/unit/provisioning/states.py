"""Desired states of a door and a monitor, for tests of drivers."""

from typing import Final

from models.access import CredentialKind, UnlockMethod
from models.device import DeviceType
from models.ids import ScheduleId
from models.schedule import Schedule, WeeklyRow
from provisioning.desired import (
    Contact,
    DesiredRelay,
    DesiredState,
    FileLogin,
    Login,
    PanelCredential,
    SipAccount,
    Surroundings,
)

SIP_PASSWORD: Final = "SipSecretOfTheDevice000000000001"
OWN_PASSWORD: Final = "OwnSecretOfTheDevice000000000002"
ADMIN_PASSWORD: Final = "adminsecret0000000000003"
HOOK: Final = "http://192.0.2.1:8080/hooks/akuvox/hooktoken04"
PIN: Final = "482915"
SECRETS: Final = (SIP_PASSWORD, OWN_PASSWORD, ADMIN_PASSWORD, HOOK, PIN)

_WORK: Final = Schedule(ScheduleId("s-1"), "Work", tuple(WeeklyRow(day, 8 * 60, 18 * 60) for day in range(5)))
_SPLIT: Final = Schedule(ScheduleId("s-2"), "Split", (WeeklyRow(0, 480, 600), WeeklyRow(0, 720, 800)))
_ALL: Final = frozenset({UnlockMethod.PIN, UnlockMethod.RF_CARD, UnlockMethod.DTMF})


def door(mac: str, model: str) -> DesiredState:
    """A door phone with two relays, three apartments and credentials that tables can and cannot say."""
    return DesiredState(
        mac=mac,
        name='Gate "A" & Söhne; 100%',
        type=DeviceType.DOOR_PHONE,
        enabled=True,
        time_zone="Europe/Berlin",
        sip=SipAccount("10000001", SIP_PASSWORD, "192.0.2.1", 5060),
        files=FileLogin("http://192.0.2.1:8080/provision/", mac, OWN_PASSWORD),
        admin=Login("admin", ADMIN_PASSWORD),
        model=model,
        utc_offset_min=60,
        relays=(DesiredRelay(1, "Street", 3, 0, "1", _ALL), DesiredRelay(2, "Yard", 5, 2, "", frozenset())),
        contacts=(Contact("Weiß", "101"), Contact("102", "102")),
        whitelist=("101", "102", "2#5"),
        fallback=(Contact("102", "192.0.2.10"),),
        credentials=(
            PanelCredential("k-1", CredentialKind.PIN, PIN, "101", _WORK),
            PanelCredential("k-2", CredentialKind.RF_CARD, "04A1B2C3", "102"),
            PanelCredential("k-3", CredentialKind.PIN, "739146", "102", _SPLIT),
            PanelCredential("k-4", CredentialKind.RF_CARD, "04FFFFFF", "102", valid_until_ms=1),
        ),
        around=Surroundings("192.0.2.2", "192.0.2.3", HOOK),
    )


def monitor(mac: str, model: str) -> DesiredState:
    """An indoor monitor that opens relay 1 of its door."""
    return DesiredState(
        mac=mac,
        name="Hall",
        type=DeviceType.INDOOR_MONITOR,
        enabled=True,
        time_zone="America/St_Johns",
        sip=SipAccount("10000002", SIP_PASSWORD, "2001:db8::1", 5061, "tls"),
        files=FileLogin("https://[2001:db8::1]:8443/provision/", mac, OWN_PASSWORD),
        admin=Login("admin", ADMIN_PASSWORD),
        model=model,
        utc_offset_min=-210,
        ip_targets=("192.0.2.11",),
        door_codes=("1",),
    )
