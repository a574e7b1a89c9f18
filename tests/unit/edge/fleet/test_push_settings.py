"""A push reads, compares, writes what differs, reads back, and says of each item what became of it."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.fleet.push_http import Away, ShutOut
from edge.fleet.push_panels import Panel
from edge.fleet.push_settings import FAILED, SAME, UNREAD, WRITTEN, push_settings
from edge.simulators.akuvox import AkuvoxDevice, Model
from models.ids import DeviceId, Mac
from provisioning.api import Refusal
from provisioning.desired import Login
from provisioning.driver import ApiCall
from provisioning.drivers.akuvox import AKUVOX
from tests.unit.provisioning.states import ADMIN_PASSWORD, SECRETS, door
from tests.unit.provisioning.test_akuvox_api import API, send

DESIRED = door("0c1105000001", "R29")
OURS = Login("admin", ADMIN_PASSWORD)


class NoWire:
    """As `Wire`, to a device in this process."""

    def __init__(self, device: AkuvoxDevice, before: Callable[[ApiCall], None] = lambda call: None) -> None:
        self.device, self.before, self.login, self.ours = device, before, OURS, OURS
        self.sent: list[ApiCall] = []

    async def send(self, call: ApiCall, within_s: float = 10.0, *, beside: bool = False) -> bytes:
        self.before(call)
        self.sent.append(call)
        (reply,) = send(self.device, [call])
        return reply


def panel(wire: Any) -> Panel:
    return Panel(DeviceId("d-1"), Mac("0c1105000001"), AKUVOX, API, wire)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.fleet.push_settings.ASKED_AGAIN_AFTER_S", 0)


def device() -> AkuvoxDevice:
    return AkuvoxDevice("0c1105000001", lambda: ("2026-11-25", "12:00:00"), Model())


async def test_everything_is_written_and_read_back_once_and_then_nothing() -> None:
    wire = NoWire(device())
    report = await push_settings(panel(wire), DESIRED, anew=True)
    assert report.converged
    assert {item.state for item in report.items} == {SAME, WRITTEN}
    assert any(call.path == "/api/system/reboot" for call in wire.sent)
    shown = str(report.shown())
    assert not [secret for secret in SECRETS if secret in shown]
    wire.sent.clear()
    again = await push_settings(panel(wire), DESIRED)
    assert {item.state for item in again.items} == {SAME}
    assert {call.method for call in wire.sent} == {"GET"}


async def test_a_dry_run_writes_nothing() -> None:
    wire = NoWire(device())
    before = dict(wire.device.config)
    report = await push_settings(panel(wire), DESIRED, dry_run=True)
    assert [item for item in report.items if item.item == "Config.DoorSetting.RELAY.RelayATrigAlways"][0].has == "1"
    assert not report.converged
    assert wire.device.config == before


async def test_what_the_device_does_not_take_is_said() -> None:
    wire = NoWire(device())
    stubborn = "Config.DoorSetting.RELAY.RelayATrigAlways"
    take = wire.device.config.__ior__
    monkey = wire.device

    def forget(call: ApiCall) -> None:
        if call.path == "/api/system/reboot":
            take({stubborn: "1"})

    wire.before = forget
    report = await push_settings(panel(wire), DESIRED, anew=True)
    assert [item.item for item in report.items if item.state == FAILED] == [stubborn]
    assert not report.converged
    assert monkey.config[stubborn] == "1"


async def test_a_password_that_comes_back_in_another_shape_is_no_failure() -> None:
    wire = NoWire(device())

    def encrypt(call: ApiCall) -> None:
        if call.path == "/api/config/get":
            wire.device.config["Config.Account1.GENERAL.Pwd"] = "$encrypted$"

    wire.before = encrypt
    report = await push_settings(panel(wire), DESIRED, anew=True)
    assert [item.item for item in report.items if item.state == UNREAD] == ["Config.Account1.GENERAL.Pwd"]
    assert report.converged
    quiet = await push_settings(panel(wire), DESIRED)
    assert quiet.converged, "and it is not written again and again"


@pytest.mark.parametrize(
    "error", [Away("ConnectError"), ShutOut("no login"), Refusal("sytem is busy"), ValueError("no JSON")]
)
async def test_whatever_the_device_does_is_in_the_report(error: Exception) -> None:
    wire = NoWire(device())

    def fail(call: ApiCall) -> None:
        if call.method == "POST":
            raise error

    wire.before = fail
    report = await push_settings(panel(wire), DESIRED, anew=True)
    assert str(error) in report.error
    assert not report.converged


async def test_another_device_at_the_address_is_told_nothing() -> None:
    other = AkuvoxDevice("0c1105ffffff", lambda: ("", ""))
    wire = NoWire(other)
    report = await push_settings(panel(wire), DESIRED, anew=True)
    assert "another device is there" in report.error
    assert other.config["Config.Account1.GENERAL.UserName"] == ""
