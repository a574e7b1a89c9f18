"""What a device should be told is derived from the snapshot and its logins alone."""

from typing import Final

from edge.core.snapshot import Snapshot, build
from models.access import UnlockMethod
from models.community import Apartment, Building, Community
from models.device import Device, DeviceType, Place, Relay
from models.ids import ApartmentId, BuildingId, CommunityId, DeviceId, Mac, SipUser
from provisioning.desired import DesiredState, FileLogin, SipAccount, admin_password, desired_of, standard_offset_min

NOW_MS: Final = 1_767_268_800_000  # 2026-01-01
HOME: Final = Apartment(ApartmentId("a-1"), BuildingId("b-1"), "101", whitelisted=True)
GATE: Final = Device(
    DeviceId("d-1"), Mac("0c1105000001"), "Gate", DeviceType.DOOR_PHONE, SipUser("10000001"), network_group="g",
    relays=(
        Relay(1, name="Street", methods=frozenset({UnlockMethod.DTMF}), dtmf="1", hold_s=3),
        Relay(2, methods=frozenset({UnlockMethod.PIN}), dtmf="2"),
        Relay(3, enabled=False, dtmf="3", methods=frozenset({UnlockMethod.DTMF})),
        Relay(1, security=True, dtmf="9", methods=frozenset({UnlockMethod.DTMF})),
    ),
)  # fmt: skip
HALL: Final = Device(
    DeviceId("d-2"), Mac("0c1105000002"), "Hall", DeviceType.INDOOR_MONITOR, SipUser("10000002"),
    place=Place.APARTMENT, apartment=HOME.id, works_offline=True, static_address="192.0.2.10", network_group="g",
)  # fmt: skip


def world() -> Snapshot:
    return build(
        1,
        Community(CommunityId("c-1"), "House", "Europe/Berlin"),
        buildings=[Building(BuildingId("b-1"), "1")],
        apartments=[HOME],
        devices=[GATE, HALL],
    )


def wanted(device: Device, own: str = "own-password") -> DesiredState:
    account = SipAccount(device.sip_user, "sip-password", "192.0.2.1")
    return desired_of(world(), device, account, FileLogin("http://192.0.2.1/provision/", device.mac, own), NOW_MS)


def test_a_door_has_its_relays_and_whom_it_may_dial() -> None:
    door = wanted(GATE)
    assert [(relay.number, relay.name, relay.hold_s, relay.dtmf) for relay in door.relays] == [
        (1, "Street", 3, "1"),
        (2, "", 5, ""),  # a code is only there where DTMF may open
    ]
    assert door.whitelist == ("101",)
    assert [(each.name, each.dial) for each in door.fallback] == [("101", "192.0.2.10")]
    assert door.ip_targets == ("192.0.2.10",)
    assert door.time_zone == "Europe/Berlin"


def test_a_monitor_sends_the_code_of_its_door() -> None:
    monitor = wanted(HALL)
    assert monitor.door_codes == ("1", "")
    assert monitor.whitelist == ()
    assert [contact.dial for contact in monitor.contacts] == ["10000001"]


def test_equal_worlds_give_equal_states() -> None:
    assert wanted(GATE) == wanted(GATE)


def test_no_password_is_shown_of_a_state() -> None:
    for secret in ("sip-password", "own-password", admin_password("own-password")):
        assert secret not in repr(wanted(GATE))
        assert secret not in repr(wanted(GATE).masked().__reduce__())


def test_the_web_page_has_a_password_of_each_device_that_is_renewed_with_its_login() -> None:
    assert wanted(GATE).admin.password == wanted(GATE).admin.password
    assert wanted(GATE).admin.password != wanted(GATE, own="another").admin.password
    assert len(wanted(GATE).admin.password) >= 24
    assert wanted(GATE).admin.password not in ("admin", "httpapi")


def test_standard_time_is_the_smaller_offset_on_both_halves_of_the_earth() -> None:
    assert standard_offset_min("Europe/Berlin", NOW_MS) == 60
    assert standard_offset_min("Australia/Sydney", NOW_MS) == 600
    assert standard_offset_min("America/St_Johns", NOW_MS) == -210
    assert standard_offset_min("UTC", NOW_MS) == 0
