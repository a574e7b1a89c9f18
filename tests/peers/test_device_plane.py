"""Devices that misbehave, through the whole daemon and either broker: the others never notice."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest

from edge.demo.device import Device
from mqtt.comings import OFTEN
from tests.peers.site import Running, house

pytestmark = pytest.mark.peer("mosquitto")

GATE: Final = "0c1105700001"
MAD: Final = "0c1105700002"
CARD: Final = "04A1B2C3D4"
FLOOD: Final = 3_000
PATIENCE_S: Final = 8.0
Login = Mapping[str, Any]
BROKERS: Final = ("mosquitto", "embedded")


@asynccontextmanager
async def two_doors(folder: Path, address: str, broker: str) -> AsyncIterator[tuple[Running, Device, Login]]:
    """A house with a good door, and the login of a mad one."""
    async with house(folder, address, settings={"mqtt": {"broker": broker}}) as running:
        await running.edge("building", "add", "1")
        await running.edge("apartment", "add", "1/101")
        good = await running.device(GATE, "Gate", "--type", "0")
        mad = await running.device(MAD, "Mad", "--type", "0")
        for door in (GATE, MAD):
            await running.edge("relay", "add", door, "1")
        await running.edge("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-", stdin=CARD + "\n")
        assert mad.mqtt is not None
        async with good.simulated(type="0") as device:
            await device.wait("link", online=True)
            yield running, device, mad.mqtt


@asynccontextmanager
async def client(login: Login, **more: Any) -> AsyncIterator[aiomqtt.Client]:
    options = {"username": login["user"], "password": login["password"], "identifier": login["client_id"], **more}
    async with aiomqtt.Client(login["host"], login["port"], **options) as connected:
        yield connected


def branch(login: Login, mac: str | None = None) -> str:
    return f"{login['prefix']}/{login['community']}/{mac or login['user']}"


def attempt(identity: str) -> str:
    return json.dumps({"id": identity, "at": datetime.now(UTC).isoformat(), "method": "rf_card", "value": CARD})


@pytest.mark.parametrize("broker", BROKERS)
async def test_a_flood_of_one_device_does_not_hold_up_the_others(tmp_path: Path, address: str, broker: str) -> None:
    async with two_doors(tmp_path, address, broker) as (running, gate, login):

        async def flood() -> None:
            async with client(login) as mad:
                for number in range(FLOOD):
                    what = "attempt" if number % 2 else "event"
                    await mad.publish(f"{branch(login)}/up/{what}", b"{" * (number % 50), qos=0)
                    if number % 10 == 0:
                        await mad.publish(f"{branch(login)}/up/attempt", attempt(f"mad-{number}"), qos=0)

        flooding = asyncio.ensure_future(flood())
        for number in range(20):
            async with asyncio.timeout(PATIENCE_S):
                assert (await gate.attempt(f"calm-{number}", "rf_card", CARD))["message"]["granted"]
        await flooding
        rows = await running.site.log("--kind", "access")
        told = [finding["message"] for finding in (await running.site.run("doctor")).json["findings"]]
    assert [line for line in told if line.startswith(f"Mad ({MAD}) sent ")]
    assert {f"calm-{number}" for number in range(20)} <= {row["id"] for row in rows}
    lines = (tmp_path / "serve.log").read_text()
    assert 1 <= lines.count(f"device {MAD}: ") <= 4, "one line a minute"
    assert "Traceback" not in lines


@pytest.mark.parametrize("broker", BROKERS)
async def test_a_device_with_anothers_client_id_is_still_itself(tmp_path: Path, address: str, broker: str) -> None:
    async with two_doors(tmp_path, address, broker) as (running, gate, login):
        mark = gate.events.mark()
        with_foreign_id = {**login, "client_id": GATE}
        heard: list[str] = []
        try:
            async with client(with_foreign_id) as thief:
                await thief.subscribe(f"{branch(login, GATE)}/down/#", qos=1)
                await thief.publish(f"{branch(login, GATE)}/up/attempt", attempt("stolen"), qos=0)
                await thief.publish(f"{branch(login, GATE)}/up/state", "offline", qos=0, retain=True)
                opening = asyncio.ensure_future(running.edge("door", "open", "Gate"))
                try:
                    async with asyncio.timeout(2.0):
                        async for message in thief.messages:
                            heard.append(message.topic.value)
                except TimeoutError:
                    pass
                assert (await opening)["ok"]
        except aiomqtt.MqttError:  # a broker may throw it out at once
            assert (await running.edge("door", "open", "Gate"))["ok"]
        await gate.opened(mark)
        assert not [event for event in gate.seen("link") if event["online"] is False], "its link was not touched"
        assert (await gate.attempt("mine", "rf_card", CARD))["message"]["granted"]
        ids = {row["id"] for row in await running.site.log("--kind", "access")}
        told = [finding["message"] for finding in (await running.site.run("doctor")).json["findings"]]
    assert heard == []
    if broker == "embedded":  # mosquitto replaces the client id without a word
        line = f"{MAD} logged in with the client id of {GATE}"
        assert line in (tmp_path / "serve.log").read_text()
        assert [message for message in told if line in message]
    assert "mine" in ids
    assert "stolen" not in ids


@pytest.mark.parametrize("broker", BROKERS)
async def test_two_devices_with_one_login_are_shown(tmp_path: Path, address: str, broker: str) -> None:
    async with two_doors(tmp_path, address, broker) as (running, _, login):
        for _ in range(OFTEN):
            async with client(login) as twin:
                await twin.publish(f"{branch(login)}/up/hello", json.dumps({"model": "M"}), qos=1)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                told = [finding["message"] for finding in (await running.site.run("doctor")).json["findings"]]
                if any(message.startswith(f"Mad ({MAD}) logged in {OFTEN} times") for message in told):
                    break


async def test_a_clock_that_is_off_is_shown(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with two_doors(tmp_path, next(addresses), "mosquitto") as (running, _, login):
        fast = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        async with client(login) as mad:
            await mad.publish(f"{branch(login)}/up/state", "online", qos=1, retain=True)
            await mad.publish(f"{branch(login)}/up/hello", json.dumps({"model": "M", "at": fast}), qos=1)
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    row = next(row for row in await running.edge("device", "list") if row["mac"] == MAD)
                    if row["clock"]["offset_s"]:
                        break
            assert 290 < row["clock"]["offset_s"] < 310
            assert row["online"]
            assert not row["sip"]["online"]
            told = (await running.site.run("doctor")).json["findings"]
    assert any("Mad (+300 s)" in f["message"] or "Mad (+299 s)" in f["message"] for f in told)
