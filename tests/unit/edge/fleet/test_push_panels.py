"""Where a device is: what a person may type, and what a device proves by fetching."""

from types import SimpleNamespace
from typing import Any

import pytest

from edge.fleet.push_panels import BadAddress, Panels
from models.ids import DeviceId, Mac

GATE = Mac("0c1105000001")


class Writer:
    async def write(self, job: Any) -> None:
        """The store is somebody else's test."""


def panels(mac: Mac = GATE) -> tuple[Panels, Any]:
    device = SimpleNamespace(id=DeviceId("d-1"), mac=mac, enabled=True, name="Gate")
    world: Any = SimpleNamespace(snapshot=SimpleNamespace(by_mac={mac: device}, devices={device.id: device}))
    passwords: Any = SimpleNamespace(device_password=lambda _: "own")
    return Panels(world, passwords, None, Writer()), device  # type: ignore[arg-type]  # no store is asked


@pytest.mark.parametrize(("typed", "base"), [
    ("192.0.2.20", "http://192.0.2.20"),
    ("http://192.0.2.20:8080", "http://192.0.2.20:8080"),
    ("https://gate.lan/", "https://gate.lan"),
    ("http://[2001:db8::1]:81", "http://[2001:db8::1]:81"),
])  # fmt: skip
async def test_an_address_is_kept_as_it_is_asked(typed: str, base: str) -> None:
    made, device = panels()
    await made.put_at(device, typed)
    panel = made.of(GATE)
    assert panel is not None
    assert panel.wire.base == base
    assert made.of(GATE) is panel
    await made.close()


@pytest.mark.parametrize("spoilt", [
    "ftp://192.0.2.20", "http://192.0.2.20/path", "http://admin:pw@192.0.2.20", "http://", "http://192.0.2.20:x",
    "http://192.0.2.20?a=1",
])  # fmt: skip
async def test_what_is_no_address_is_refused(spoilt: str) -> None:
    made, device = panels()
    with pytest.raises(BadAddress):
        await made.put_at(device, spoilt)
    assert made.of(GATE) is None


async def test_a_family_that_nobody_knows_must_be_said() -> None:
    made, device = panels(Mac("020000000001"))
    with pytest.raises(BadAddress, match="--driver"):
        await made.put_at(device, "192.0.2.20")
    with pytest.raises(BadAddress, match="linphone"):
        await made.put_at(device, "192.0.2.20", "linphone")
    await made.put_at(device, "192.0.2.20", "basip")
    panel = made.of(device.mac)
    assert panel is not None
    assert panel.driver.name == "basip"
    await made.close()


async def test_who_fetched_is_where_it_fetched_from_at_the_port_that_was_said() -> None:
    made, device = panels()
    await made.seen_at(device, "192.0.2.20")
    first = made.of(GATE)
    await made.put_at(device, "http://192.0.2.20:8080")
    await made.seen_at(device, "192.0.2.21")
    second = made.of(GATE)
    assert first is not None
    assert second is not None
    assert (first.wire.base, second.wire.base) == ("http://192.0.2.20", "http://192.0.2.21:8080")
    assert made.at("192.0.2.21") is second
    await made.close()


async def test_one_that_fetches_and_has_no_api_is_nowhere() -> None:
    made, device = panels(Mac("020000000001"))
    await made.seen_at(device, "192.0.2.20")
    assert made.of(device.mac) is None


async def test_one_that_was_replaced_or_disabled_is_nowhere() -> None:
    made, device = panels()
    await made.put_at(device, "192.0.2.20")
    device.enabled = False
    assert made.of(GATE) is None
    device.enabled, other = True, Mac("0c1105000009")
    device.mac = other
    made._world.snapshot.by_mac[other] = device  # type: ignore[index]  # the fake's map
    assert made.of(other) is None, "the address is that of the one before it"
