"""Drivers' push and read-back against simulated devices over HTTP: Akuvox, 2N and BasIP, each by its own login."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from edge.fleet.push_holders import PanelHolders, read_all
from edge.fleet.push_http import Away, ShutOut, Wire
from edge.fleet.push_panels import Panel
from edge.fleet.push_settings import SAME, UNREAD, WRITTEN, push_settings
from edge.simulators.akuvox import AkuvoxDevice
from edge.simulators.akuvox_panel import AkuvoxPanel
from edge.simulators.akuvox_web import akuvox
from edge.simulators.basip import BasIpDevice, basip_app
from edge.simulators.serving import serving
from edge.simulators.two_n import TwoNDevice, two_n_app
from models.ids import DeviceId, Mac
from provisioning.api import LongPoll, Sight, Told
from provisioning.desired import DesiredState, Login
from provisioning.registry import DRIVERS
from tests.unit.provisioning.states import ADMIN_PASSWORD, SECRETS, SIP_PASSWORD, door

HOST: Final = "127.0.0.1"
MAC: Final = Mac("0c1105000001")
OURS: Final = Login("admin", ADMIN_PASSWORD)
ENTRY: Final[dict[str, object]] = {
    "kind": "pin", "method": "pin", "apartment": "101", "from": None, "until": None, "hours": None, "relays": [1],
}  # fmt: skip
VENDORS: Final = ("akuvox", "2n", "basip")


@dataclass
class Lab:
    """A device and the way to it."""

    device: Any
    panel: Panel
    desired: DesiredState
    has_pin: Callable[[str], bool]
    opened: Callable[[], list[int]]


@asynccontextmanager
async def lab(vendor: str) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        device: Any
        if vendor == "akuvox":
            device = AkuvoxDevice(MAC, lambda: ("2026-11-25", "12:00:00"))
            _, url = await stack.enter_async_context(akuvox(AkuvoxPanel(device), HOST))
            has_pin = lambda pin: device.who_has("PrivatePIN", pin) is not None  # noqa: E731
            opened = lambda: [each["num"] for each in device.triggered]  # noqa: E731
        elif vendor == "2n":
            device = TwoNDevice(MAC)
            url = await stack.enter_async_context(serving(two_n_app(device, *login(OURS)), "2n", HOST))
            has_pin, opened = device.type_code, lambda: device.triggered
        else:
            device = BasIpDevice(MAC)
            url = await stack.enter_async_context(serving(basip_app(device), "basip", HOST))
            has_pin, opened = device.type_code, lambda: device.opened
        driver = DRIVERS[vendor]
        assert driver.api is not None
        wire = Wire(url, driver.api.auth, (OURS, *driver.api.factory), driver.api.check)
        stack.push_async_callback(wire.close)
        desired = replace(door(MAC, ""), relays=door(MAC, "").relays[:1])
        yield Lab(device, Panel(DeviceId("d-1"), MAC, driver, driver.api, wire), desired, has_pin, opened)


def login(of: Login) -> tuple[str, str]:
    return of.user, of.password


@pytest.mark.parametrize("vendor", VENDORS)
async def test_settings_are_written_read_back_and_then_left_alone(vendor: str) -> None:
    async with lab(vendor) as at:
        report = await push_settings(at.panel, at.desired, anew=True)
        assert report.converged, report
        assert {item.state for item in report.items} <= {SAME, WRITTEN, UNREAD}
        assert not [secret for secret in SECRETS if secret in str(report.shown())]
        again = await push_settings(at.panel, at.desired)
        assert {item.state for item in again.items} == {SAME}
        assert again.told.mac == MAC
        assert at.panel.wire.login == OURS, "the factory's login is replaced"


async def test_the_account_and_the_switches_that_leave_a_door_open_are_as_wanted() -> None:
    async with lab("basip") as at:
        await push_settings(at.panel, at.desired, anew=True)
        assert at.device.settings["/api/v1/device/sip/settings"]["password"] == SIP_PASSWORD
        assert at.device.settings["/api/v1/access/freeaccess"]["enable"] is False
        assert at.device.settings["/api/v1/access/general/unlock/input/code"]["input_code_enable"] is False
        assert at.device.settings["/api/v1/access/general/lock/dtmf/2"]["dtmf_code"] == ""
        assert at.device.password == ADMIN_PASSWORD
    async with lab("2n") as at:
        await push_settings(at.panel, at.desired, anew=True)
        assert (at.device.account["sipNumber"], at.device.password) == ("10000001", SIP_PASSWORD)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_credentials_are_put_compared_and_taken_away(vendor: str) -> None:
    async with lab(vendor) as at:
        await push_settings(at.panel, at.desired, anew=True)
        holders = PanelHolders(lambda panel: {})
        put = [{**ENTRY, "credential": f"k{n}", "version": f"v{n}", "value": f"48151{n}"} for n in range(3)]

        async def load(call: Callable[[], Any]) -> Any:
            return call()

        assert await holders.tell(at.panel, {"put": put}, load) == ""
        assert at.has_pin("481511")
        whole = await holders.tell(at.panel, {}, load)
        changed = [{**put[1], "version": "v1b", "value": "271828"}]
        await holders.tell(at.panel, {"put": changed}, load)
        assert at.has_pin("271828")
        assert not at.has_pin("481511")
        assert await holders.tell(at.panel, {}, load) != whole
        await holders.tell(at.panel, {"remove": ["k0", "k1"]}, load)
        assert not at.has_pin("271828")
        assert at.panel.api.holders is not None
        assert list(await read_all(at.panel, at.panel.api.holders)) == ["k2"]
        await holders.tell(at.panel, {"clear": True, "put": put[:1]}, load)
        assert list(await read_all(at.panel, at.panel.api.holders)) == ["k0"]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_relay_opens(vendor: str) -> None:
    async with lab(vendor) as at:
        call = at.panel.api.trigger(1, 5)
        assert call is not None
        await at.panel.wire.send(call)
        assert at.opened() == [1]


async def test_a_stranger_is_shut_out_and_nobody_is_away() -> None:
    async with lab("2n") as at:
        api = at.panel.api
        stranger = Wire(at.panel.wire.base, api.auth, (Login("admin", "guess"),), api.check)
        nobody = Wire("http://127.0.0.1:9", api.auth, (OURS,), api.check)
        probe = api.probe()
        assert probe is not None
        with pytest.raises(ShutOut):
            await stranger.send(probe)
        with pytest.raises(Away):
            await nobody.send(probe)
        await stranger.close()
        await nobody.close()


async def test_the_log_of_a_2n_is_pulled_whole() -> None:
    async with lab("2n") as at:
        poll = at.panel.api.log
        assert isinstance(poll, LongPoll)
        at.device.raise_event("TamperSwitchActivated")
        at.device.type_code("0000")
        channel = poll.channel(await at.panel.wire.send(poll.subscribe(True)))
        events = poll.read(await at.panel.wire.send(poll.pull(channel), 30.0, beside=True))
        assert [(event.what, event.number) for event in events] == [(Sight.TAMPER, 1), (Sight.CODE_REFUSED, 2)]


async def test_a_basip_tells_again_what_was_not_taken() -> None:
    device, taken = BasIpDevice(MAC), list[bytes]()
    device.identifiers[1] = {"identifier_number": "481516"}

    async def away(body: bytes) -> int:
        return 503

    async def there(body: bytes) -> int:
        taken.append(body)
        return 200

    device.type_code("481516")
    device.press_exit()
    assert not await device.report(away)
    assert await device.report(there)
    api = DRIVERS["basip"].api
    assert api is not None
    heard = api.heard({}, taken[0])  # type: ignore[attr-defined]  # this family reports
    assert [(one.what, one.value) for one in heard] == [(Sight.CODE_OPENED, "481516"), (Sight.EXIT_BUTTON, "")]
    assert not await device.report(there), "nothing waits"
    assert api.told(b'{"device_serial_number":"0c1105000001"}') == Told("", "", MAC)
