"""Ordinary clients as devices: mosquitto's own and paho, at both brokers."""

import asyncio
import json
import subprocess
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.mqtt_lab.fakes import password_of
from tests.mqtt_lab.household import attempt, event
from tests.mqtt_lab.lab import DOOR, MONITOR, Kind, Lab, down, house, lab, up

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.parametrize("kind", ["mosquitto", "embedded"])]


async def run(*command: str) -> tuple[int, str]:
    """Exit code and output of a client that ends by itself."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    output = await process.stdout.read()
    return await process.wait(), output.decode()


def login(room: Lab, mac: str, password: str | None = None) -> tuple[str, ...]:
    host, port = room.address
    return ("-h", host, "-p", str(port), "-i", mac, "-u", mac, "-P", password or password_of(mac), "-q", "1")


@pytest.mark.parametrize(("method", "value"), [("pin", "123456"), ("apt_pin", "1234"), ("rf_card", "04:A1:B2:C3")])
async def test_an_attempt_by_mosquittos_client(
    kind: Kind, method: str, value: str, tmp_path: Path, address: str
) -> None:
    async with lab(kind, tmp_path, address) as room, house(room) as home:
        message = json.loads(attempt("a-1")) | {"method": method, "value": value, "apartment": "101"}
        code, output = await run(
            "mosquitto_rr", "-V", "mqttv311", *login(room, DOOR), "-t", up(DOOR, "attempt"),
            "-e", down(DOOR, "decision"), "-W", "5", "-m", json.dumps(message),
        )  # fmt: skip
        assert code == 0
        assert json.loads(output) == {"id": "a-1", "granted": True, "relays": [1]}
        assert [(a.method.value, a.value) for a in home.desk.attempts] == [(method, value)]


async def test_an_event_by_mosquitto_pub(kind: Kind, tmp_path: Path, address: str) -> None:
    async with lab(kind, tmp_path, address) as room, house(room) as home:
        code, _ = await run("mosquitto_pub", *login(room, DOOR), "-t", up(DOOR, "event"), "-m", event("e").decode())
        assert code == 0
        await home.desk.until(lambda: [e.id for e in home.desk.events] == ["e"])


async def test_a_foreign_devices_topics_are_refused_both_ways(kind: Kind, tmp_path: Path, address: str) -> None:
    async with lab(kind, tmp_path, address) as room, house(room) as home:
        monitor = await room.device(MONITOR)
        for topic in (up(DOOR, "attempt"), down(DOOR, "open"), up(DOOR, "event")):
            await run(
                "mosquitto_pub", *login(room, STRANGER := "0c1105000003"), "-t", topic, "-m", attempt("x").decode()
            )
        spy = asyncio.ensure_future(
            run("mosquitto_sub", *login(room, STRANGER), "-t", "#", "-t", down(MONITOR, "#"), "-W", "2")
        )
        while not spy.done():  # as long as it listens there is something to hear
            await home.plane.decision(MONITOR, b"secret")  # type: ignore[arg-type]  # a MAC as text
            await asyncio.sleep(0.1)
        _, output = await spy
        assert "secret" not in output
        assert any(heard.payload == b"secret" for heard in monitor.heard)
        assert home.desk.attempts == []
        assert home.desk.tried == []


async def test_a_wrong_password_is_refused(kind: Kind, tmp_path: Path, address: str) -> None:
    async with lab(kind, tmp_path, address) as room:
        code, output = await run("mosquitto_pub", *login(room, DOOR, "wrong"), "-t", up(DOOR, "state"), "-m", "online")
        assert code != 0
        assert "not authorised" in output.lower()


async def test_paho_as_a_device(kind: Kind, tmp_path: Path, address: str) -> None:
    async with lab(kind, tmp_path, address) as room, house(room) as home:
        loop, answered = asyncio.get_running_loop(), asyncio.Event()
        heard: list[bytes] = []

        def on_message(_client: object, _userdata: object, message: paho.MQTTMessage) -> None:
            heard.append(bytes(message.payload))
            loop.call_soon_threadsafe(answered.set)

        def on_connect(client: paho.Client, *_: object) -> None:
            client.subscribe(down(DOOR, "#"), 1)
            client.publish(up(DOOR, "state"), b"online", qos=1, retain=True)
            client.publish(up(DOOR, "attempt"), attempt("p-1"), qos=1)

        device = paho.Client(CallbackAPIVersion.VERSION2, client_id=DOOR, clean_session=True)
        device.username_pw_set(DOOR, password_of(DOOR))
        device.will_set(up(DOOR, "state"), b"offline", qos=1, retain=True)
        device.on_message, device.on_connect = on_message, on_connect
        await asyncio.to_thread(device.connect, *room.address)
        device.loop_start()
        try:
            async with asyncio.timeout(10):
                await answered.wait()
            assert json.loads(heard[0])["id"] == "p-1"
            await home.desk.until(lambda: (DOOR, True) in home.desk.presences)
        finally:
            device.disconnect()
            await asyncio.to_thread(device.loop_stop)
