"""The whole daemon in Home Assistant, at the mosquitto that it starts itself: discovery, rights, one opening."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.demo.site import FAILED, Site
from models.times import rfc3339
from tests.mqtt_lab.wire import Wire
from tests.peers.site import Running, house

pytestmark = pytest.mark.peer("mosquitto")

GATE, SIDE = "0c1105000001", "0c1105000002"
SETTINGS = {
    "mqtt": {"broker": "mosquitto"},
    "home_assistant": {"discovery": True, "locks": True, "allowed": ["Gate"]},
}


@contextlib.asynccontextmanager
async def client(login: dict[str, Any]) -> AsyncIterator[Wire]:
    wire = await Wire.open((login["host"], login["port"]))
    try:
        assert await wire.login(login["user"], login["user"], login["password"]) == 0
        yield wire
    finally:
        await wire.close()


def theirs(running: Running) -> dict[str, Any]:
    """Home Assistant's login, as the installer copies it from the site's secrets."""
    user, _, password = (running.site.folder / "secrets" / "home_assistant_password").read_text().partition(":")
    mqtt = running.daemon.ready["mqtt"]
    return {"host": mqtt["host"], "port": mqtt["port"], "user": user, "password": password.strip()}


async def add_door(running: Running, mac: str, name: str) -> dict[str, Any]:
    login = await running.device(mac, name, "--type", "0")
    await running.edge("relay", "add", mac, "1", "--methods", "pin,remote", "--hold-s", "2")
    assert login.mqtt is not None
    return dict(login.mqtt)


async def answer_openings(device: Wire, root: str) -> list[dict[str, Any]]:
    """Wait for one `down/open`, acknowledge it, and return all that came."""
    topic = f"{root}/down/open"
    await device.until(lambda: any(heard.topic == topic for heard in device.heard))
    opened = [json.loads(heard.payload) for heard in device.heard if heard.topic == topic]
    ack = {"id": opened[0]["id"], "ok": True, "at": rfc3339(time.time_ns() // 1_000_000)}
    await device.publish(f"{root}/up/ack", json.dumps(ack).encode())
    return opened


def said(wire: Wire, topic: str) -> list[bytes]:
    return [heard.payload for heard in wire.heard if heard.topic == topic]


async def test_home_assistant_sees_the_doors_and_opens_what_it_may(tmp_path: Path, address: str) -> None:
    async with house(tmp_path, address, settings=SETTINGS) as running:
        gate = await add_door(running, GATE, "Gate")
        await add_door(running, SIDE, "Side")
        community = gate["community"]
        root = f"intercom/{community}/{GATE}"
        async with client(theirs(running)) as ha, client(gate) as door:
            assert await door.subscribe(f"{root}/down/#") == 1
            assert await ha.subscribe("#") == 1
            config = f"homeassistant/device/{community}_{GATE}/config"
            await ha.until(lambda: b'"lock_1"' in (said(ha, config) or [b""])[-1])
            lock = json.loads(said(ha, config)[-1])["cmps"]["lock_1"]

            await door.publish(f"{root}/up/state", b"online", retain=True)
            await ha.until(lambda: said(ha, f"{root}/up/state")[-1:] == [b"online"])
            await ha.publish(f"{root}/down/open", b'{"id":"forged","relays":[1],"seconds":9}')
            side = f"intercom/{community}/{SIDE}/down/door/1/set"
            await ha.publish(side, json.dumps({"cmd": "OPEN", "at": time.time()}).encode())
            await ha.publish(lock["cmd_t"], json.dumps({"cmd": "OPEN", "at": time.time()}).encode())
            opened = await answer_openings(door, root)
            assert [(one["relays"], one["reason"]) for one in opened] == [([1], "granted")]
            await ha.until(lambda: said(ha, lock["stat_t"])[-2:] == [b"OPEN", b"LOCKED"])

            wrong = {"id": "a-1", "at": rfc3339(time.time_ns() // 1_000_000), "method": "pin", "value": "271828"}
            await door.publish(f"{root}/up/attempt", json.dumps(wrong).encode())
            events = f"{root}/up/event/access"
            await ha.until(lambda: len(said(ha, events)) >= 2)
            assert [json.loads(event)["event_type"] for event in said(ha, events)] == ["granted", "denied"]
            assert not any(b"271828" in heard.payload for heard in ha.heard)
            assert not said(ha, f"{root}/up/attempt")

            told = (await running.edge("status"))["home_assistant"]
            assert told == {"connected": True, "counters": {"openings": 1, "refused_not_allowed": 1}}
            doctor = (await running.site.run("doctor")).json["findings"]
            assert "commands that did nothing: not_allowed 1" in [finding["message"] for finding in doctor]
            await running.edge("device", "remove", GATE)
            await ha.until(lambda: said(ha, config)[-1] == b"")
        rows = await running.edge("log", "list")
    audits = [row for row in rows if row["kind"] == "audit" and "home_assistant" in json.dumps(row)]
    assert len(audits) == 1
    granted = [row for row in rows if row["kind"] == "access" and row["outcome"] == "granted"]
    assert [(row["method"], row["relays"]) for row in granted] == [("remote", [1])]


async def test_the_embedded_broker_is_none_that_home_assistant_takes(tmp_path: Path, address: str) -> None:
    site = Site(tmp_path / "site", address)
    settings = {"mqtt": {"broker": "embedded"}, "home_assistant": {"discovery": True}}
    await site.init(settings=settings)
    async with asyncio.timeout(30):
        answer = await site.run("serve")
    assert answer.status == FAILED
    assert "MQTT 5" in answer.errors
    assert "home_assistant.url" in answer.errors
