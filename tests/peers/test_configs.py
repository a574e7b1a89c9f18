"""The samples in configs/ by the programs that they are for."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import aiomqtt
import pytest

from edge.phone.lines import LineProcess

CONFIGS = Path(__file__).parents[2] / "configs"
DOOR, OTHER = "0c1105000001", "0c1105000002"
LOGINS = {"edge-live": "edge-secret", DOOR: "door-secret", OTHER: "other-secret"}


class Mosquitto(LineProcess):
    def line_received(self, line: str) -> None:
        raise AssertionError(f"mosquitto says on standard output: {line}")

    async def say_quit(self) -> None:
        assert self._transport is not None
        self._transport.terminate()


def external_broker(folder: Path, address: str) -> Mosquitto:
    """mosquitto with the sample for an external broker, only its address changed."""
    text = (CONFIGS / "mosquitto-external.conf").read_text()
    assert "listener 1883 127.0.0.1" in text
    # as root it would give up its rights, and with them the folder of this test
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "broker.conf").write_text(user + text.replace("127.0.0.1", address))
    shutil.copy(CONFIGS / "mosquitto-external.acl", folder)
    (folder / "mosquitto-external.acl").chmod(0o600)
    (folder / "passwords").touch(0o600)
    for name, password in LOGINS.items():
        subprocess.run(["mosquitto_passwd", "-b", folder / "passwords", name, password], check=True, timeout=10)
    broker = Mosquitto("mosquitto", ["mosquitto", "-c", "broker.conf"])
    broker.cwd, broker.stderr_file = folder, folder / "log"
    return broker


def client(address: str, name: str, identifier: str = "") -> aiomqtt.Client:
    return aiomqtt.Client(address, 1883, username=name, password=LOGINS[name], identifier=identifier or name)


async def until_open(address: str) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(address, 1883)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return


async def first_payload(receiver: aiomqtt.Client) -> object:
    async with asyncio.timeout(5):
        return (await anext(receiver.messages)).payload


@pytest.mark.peer("mosquitto")
async def test_the_external_broker_gives_each_device_its_own_branch_and_nothing_else(
    tmp_path: Path, address: str
) -> None:
    root = "intercom/house"
    async with external_broker(tmp_path, address):
        await until_open(address)
        async with client(address, "edge-live") as edge, client(address, DOOR) as door, client(address, OTHER) as other:
            await edge.subscribe(f"{root}/+/up/#", qos=1)
            await door.subscribe("#", qos=1)
            await other.publish(f"{root}/{DOOR}/up/attempt", "forged", qos=1)
            await other.publish(f"{root}/{DOOR}/down/open", "forged", qos=1)
            await door.publish(f"{root}/{DOOR}/up/attempt", "mine", qos=1)
            assert await first_payload(edge) == b"mine"
            await edge.publish(f"{root}/{OTHER}/down/open", "for the other", qos=1)
            await edge.publish(f"{root}/{DOOR}/down/open", "for the door", qos=1)
            assert await first_payload(door) == b"for the door"


@pytest.mark.peer("mosquitto")
async def test_the_external_broker_refuses_strangers(tmp_path: Path, address: str) -> None:
    async with external_broker(tmp_path, address):
        await until_open(address)
        with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authorized|Bad user"):
            async with aiomqtt.Client(address, 1883):
                pass


@pytest.mark.peer("systemd-analyze")
def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    text = (CONFIGS / "intercom-edge.service").read_text()
    installed, here = "/opt/intercom-edge/.venv/bin/edge", str(Path(sys.executable).with_name("edge"))
    assert installed in text
    unit = tmp_path / "intercom-edge.service"
    unit.write_text(text.replace(installed, here))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=60
    )
    complaints = [line for line in result.stderr.splitlines() if unit.name in line]
    assert (result.returncode, complaints) == (0, [])


@pytest.mark.peer("nft")
@pytest.mark.skipif(os.geteuid() != 0, reason="nft reads the kernel's tables even to check a file: needs root")
def test_the_firewall_is_one_that_nft_understands() -> None:
    result = subprocess.run(
        ["nft", "--check", "--file", CONFIGS / "firewall.nft"], capture_output=True, text=True, check=False, timeout=30
    )
    assert (result.returncode, result.stderr) == (0, "")
