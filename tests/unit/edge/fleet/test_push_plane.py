"""Two roads to a device: MQTT where it is connected, else its vendor's HTTP; an opening is sent once or not at all."""

import asyncio
import json
from typing import Any, Final

import pytest

from edge.core.access import grant
from edge.fleet.push_holders import PanelHolders
from edge.fleet.push_http import Away, ShutOut
from edge.fleet.push_panels import Panel
from edge.fleet.push_plane import BothPresences, TwoRoads
from models.access import AccessDecision, Reason, UnlockMethod
from models.device import Relay
from models.device_events import OpenResult
from models.ids import DeviceId, Mac
from models.times import rfc3339
from mqtt.payloads import Ack
from provisioning.api import Refusal
from provisioning.driver import ApiCall
from provisioning.drivers.akuvox import AKUVOX
from tests.unit.provisioning.test_akuvox_api import API

GATE, LIFT = Mac("0c1105000001"), Mac("0c1105000002")
NOW_MS: Final = 1_764_000_000_000
GRANTED: Final = grant((Relay(1, methods=frozenset({UnlockMethod.REMOTE}), hold_s=4),))


class Clock:
    def now_ms(self) -> int:
        return NOW_MS

    def monotonic(self) -> float:
        return 0.0


class Mqtt:
    """The device plane: who is connected, and what it was told."""

    def __init__(self, *connected: Mac) -> None:
        self.connected, self.told = connected, list[tuple[str, Mac]]()

    def online(self, device: Mac) -> bool:
        return device in self.connected

    async def decision(self, device: Mac, answer: bytes) -> None:
        self.told.append(("decision", device))

    async def open(self, device: Mac, decision: AccessDecision, ack_within_s: float = 3.0) -> OpenResult:
        self.told.append(("open", device))
        return OpenResult.OPENED

    async def command(self, device: Mac, verb: str, fields: Any, ack_within_s: float = 3.0) -> OpenResult:
        self.told.append((verb, device))
        return OpenResult.OPENED

    async def ask(self, device: Mac, verb: str, fields: Any, ack_within_s: float = 3.0) -> Ack | OpenResult:
        self.told.append((verb, device))
        return OpenResult.OFFLINE

    async def publish_event(self, event: Any) -> None:
        self.told.append(("event", GATE))


class Wire:
    def __init__(self, error: Exception | None = None, *, never: bool = False) -> None:
        self.error, self.never, self.sent = error, never, list[ApiCall]()

    async def send(self, call: ApiCall, within_s: float = 10.0, *, beside: bool = False) -> bytes:
        if self.never:
            await asyncio.Event().wait()
        self.sent.append(call)
        if self.error is not None:
            raise self.error
        return b'{"retcode": 0}'


class Panels:
    def __init__(self, wire: Wire) -> None:
        self.panel = Panel(DeviceId("d-1"), GATE, AKUVOX, API, wire)  # type: ignore[arg-type]  # as much as is needed
        self.dropped = False

    def of(self, mac: Mac) -> Panel | None:
        return self.panel if mac == GATE else None

    def online(self, mac: Mac) -> bool:
        return mac == GATE and self.panel.online

    async def drop(self, panel: Panel) -> None:
        self.dropped = True


class World:
    class snapshot:
        by_mac: dict[Mac, Any] = {}


def roads(wire: Wire, *connected: Mac) -> tuple[TwoRoads, Mqtt, Panels]:
    mqtt, panels = Mqtt(*connected), Panels(wire)
    holders = PanelHolders(lambda panel: {})
    return TwoRoads(mqtt, panels, holders, World(), Clock()), mqtt, panels  # type: ignore[arg-type]


def answer(granted: bool, expires_ms: int) -> bytes:
    holds = {"1": 4, "s1": 9} if granted else {}
    return json.dumps({"granted": granted, "holds": holds, "expires_at": rfc3339(expires_ms)}).encode()


def triggers(wire: Wire) -> list[Any]:
    return [json.loads(call.body)["data"] for call in wire.sent]


async def test_who_is_connected_is_told_by_mqtt_though_it_has_an_address() -> None:
    wire = Wire()
    plane, mqtt, _ = roads(wire, GATE)
    await plane.open(GATE, GRANTED)
    await plane.decision(GATE, answer(True, NOW_MS + 5_000))
    await plane.command(LIFT, "reboot", {})
    assert mqtt.told == [("open", GATE), ("decision", GATE), ("reboot", LIFT)]
    assert wire.sent == []


async def test_a_grant_opens_its_relays_and_never_a_security_relay() -> None:
    wire = Wire()
    plane, mqtt, _ = roads(wire)
    assert await plane.open(GATE, GRANTED) is OpenResult.OPENED
    await plane.decision(GATE, answer(True, NOW_MS + 5_000))
    assert triggers(wire) == [{"num": 1, "mode": 0, "level": 0, "delay": 4}] * 2
    assert mqtt.told == []


@pytest.mark.parametrize("late", [answer(False, NOW_MS + 5_000), answer(True, NOW_MS), answer(True, NOW_MS - 1)])
async def test_a_denial_and_what_is_too_late_open_nothing(late: bytes) -> None:
    wire = Wire()
    plane, _, _ = roads(wire)
    await plane.decision(GATE, late)
    assert wire.sent == []


async def test_a_denial_cannot_be_sent_as_an_opening() -> None:
    plane, _, _ = roads(Wire())
    with pytest.raises(ValueError, match="denial"):
        await plane.open(GATE, AccessDecision(Reason.NOT_ALLOWED))


@pytest.mark.parametrize(("error", "result"), [
    (Away("refused"), OpenResult.OFFLINE),
    (Away("no answer", sent=True), OpenResult.NO_ACK),
    (ShutOut("no login"), OpenResult.REFUSED),
    (Refusal("parm eror"), OpenResult.REFUSED),
])  # fmt: skip
async def test_what_becomes_of_an_opening_is_said_and_it_is_sent_once(error: Exception, result: OpenResult) -> None:
    wire = Wire(error)
    plane, _, _ = roads(wire)
    assert await plane.open(GATE, GRANTED) is result
    assert len(wire.sent) == 1


async def test_an_opening_whose_turn_does_not_come_is_given_up() -> None:
    wire = Wire(never=True)
    plane, _, _ = roads(wire)
    assert await plane.open(GATE, GRANTED, ack_within_s=0.01) is OpenResult.NO_ACK
    assert wire.sent == []


async def test_orders_are_carried_out_and_who_is_reset_is_left_alone() -> None:
    wire = Wire()
    plane, _, panels = roads(wire)
    acted: list[Panel] = []
    plane.acted = acted.append
    assert await plane.command(GATE, "reboot", {}) is OpenResult.OPENED
    assert acted == [panels.panel]
    assert await plane.command(GATE, "arm", {}) is OpenResult.REFUSED
    upgrade = await plane.ask(GATE, "upgrade", {"url": "http://192.0.2.1/f.bin"})
    assert isinstance(upgrade, Ack)
    assert upgrade.ok
    assert await plane.command(GATE, "reset", {}) is OpenResult.OPENED
    assert panels.dropped
    assert [call.path for call in wire.sent] == [
        "/api/system/reboot", "/api/config/set", "/api/system/reboot", "/api/config/reset_factory",
    ]  # fmt: skip


async def test_a_panel_is_not_away_because_it_never_came_by_mqtt() -> None:
    heard: list[tuple[Mac, bool]] = []

    class Desk:
        async def presence(self, device: Mac, online: bool) -> None:
            heard.append((device, online))

    panels = Panels(Wire())
    both = BothPresences(Desk(), panels)  # type: ignore[arg-type]
    panels.panel.online = True
    await both.presence(GATE, False)
    await both.presence(LIFT, False)
    panels.panel.online = False
    await both.presence(GATE, False)
    assert heard == [(LIFT, False), (GATE, False)]


@pytest.mark.parametrize(("online", "result"), [(True, OpenResult.NO_ACK), (False, OpenResult.OFFLINE)])
async def test_a_panel_that_only_starts_again_is_not_waited_for(online: bool, result: OpenResult) -> None:
    plane, _, panels = roads(Wire(Away("it is busy or starting")))
    panels.panel.online = online
    assert await plane.ask(GATE, "credentials", {"remove": ["k1"]}) is result


async def test_an_opening_that_did_not_get_out_of_the_house_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.fleet.push_plane.AGAIN_AFTER_S", 0)
    wire = Wire()
    plane, _, panels = roads(wire)
    panels.panel.online = True
    refused = [Away("ConnectError"), Away("ConnectError")]
    send = wire.send

    async def sends(call: ApiCall, within_s: float = 10.0, *, beside: bool = False) -> bytes:
        if refused:
            raise refused.pop()
        return await send(call, within_s)

    wire.send = sends  # type: ignore[method-assign]
    assert await plane.open(GATE, GRANTED) is OpenResult.OPENED
    assert len(wire.sent) == 1
