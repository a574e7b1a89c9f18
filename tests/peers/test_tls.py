"""TLS through the whole daemon: real telephones register and call, and s_client tries what no telephone should."""

import asyncio
import os
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.phone.events import NotSeen
from edge.phone.handle import Phone
from tests.peers import tone
from tests.peers.baresip import Baresip
from tests.peers.linphone import Linphone
from tests.peers.site import TLS_PORT, Running, house
from tests.peers.street import ANSWERS

DOOR, MONITOR = "0C1105D00001", "0C1105D00002"
TALK_S = 2.6
HEARD_S = 2.0
WITHIN_S = 10.0


@asynccontextmanager
async def furnished(folder: Path, address: str) -> AsyncIterator[Running]:
    """A house with TLS, a door and apartment 101 with a monitor."""
    async with house(folder, address, tls=True) as running:
        await running.edge("building", "add", "A")
        await running.edge("apartment", "add", "A/101")
        # baresip 1.0 never answers where a SHA-256 challenge is present
        await running.device(DOOR, "Gate", "--type", "0", "--place", "public", "--digest", "md5")
        await running.device(MONITOR, "Hall", "--type", "2", "--apartment", "A/101")
        yield running


async def transports(running: Running) -> dict[str, str | None]:
    devices = await running.edge("device", "list")
    return {device["name"]: device["sip"]["transport"] for device in devices}


@pytest.mark.peer("pjsua2", "linphone")
async def test_pjsua_calls_linphone_over_tls(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with furnished(tmp_path, next(addresses)) as running:
        wav = tone.make(tmp_path / "880.wav", 880)
        door_settings = running.logins["Gate"].pjsua(next(addresses), transport="tls", tone_hz=440)
        monitor_settings = running.logins["Hall"].linphone(next(addresses), transport="tls", wav=wav)
        async with Linphone(tmp_path, monitor_settings) as monitor, Phone(door_settings) as door:
            await monitor.registered()
            await door.registered()
            assert await transports(running) == {"Gate": "tls", "Hall": "tls"}
            since = door.call(running.uri("101", "tls"))
            await monitor.says("Receiving new incoming call from")
            monitor.answer()
            await door.state("confirmed", since=since)
            await asyncio.sleep(TALK_S)
            door.hang_up()
            await monitor.says("ended")
            ended = await door.wait("closed", since=since)
        row = (await running.edge("call", "list"))[-1]
    assert tone.seconds_of(monitor.heard, 440) >= HEARD_S
    assert tone.seconds_of(Path(str(ended["wav"])), 880) >= HEARD_S
    assert row["outcome"] == "answered"


@pytest.mark.peer("pjsua2", "baresip")
async def test_baresip_calls_pjsua_over_tls(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with furnished(tmp_path, next(addresses)) as running:
        door_settings = running.logins["Gate"].baresip(next(addresses), transport="tls", tone_hz=440)
        monitor_settings = running.logins["Hall"].pjsua(
            next(addresses), transport="tls", tone_hz=880, answer_steps=ANSWERS
        )
        async with Phone(monitor_settings) as monitor, Baresip(tmp_path, door_settings) as door:
            await monitor.registered()
            await door.registered()
            await door.call(running.uri("101", "tls"))
            await door.event("CALL_ESTABLISHED")
            await asyncio.sleep(TALK_S)
            await door.hang_up()
            ended = await monitor.wait("closed")
        row = (await running.edge("call", "list"))[-1]
    assert tone.seconds_of(door.heard, 880) >= HEARD_S
    assert tone.seconds_of(Path(str(ended["wav"])), 440) >= HEARD_S
    assert row["outcome"] == "answered"


@pytest.mark.peer("pjsua2", "openssl")
async def test_a_phone_that_trusts_another_authority_does_not_say_its_password(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    other = tmp_path / "other.pem"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-keyout", "/dev/null", "-out", other
    )
    async with furnished(tmp_path, next(addresses)) as running:
        settings = running.logins["Hall"].pjsua(next(addresses), transport="tls", ca_file=str(other))
        async with Phone(settings) as phone:
            with pytest.raises(NotSeen):
                await phone.registered(3.0)
        assert (await transports(running))["Hall"] is None


@pytest.mark.peer("openssl")
async def test_what_s_client_sees(tmp_path: Path, addresses: Iterator[str]) -> None:
    address = next(addresses)
    async with furnished(tmp_path, address) as running:
        ca = str(running.site.folder / "tls" / "ca.pem")
        good = await _s_client(address, "-CAfile", ca, "-verify_return_error", "-verify_ip", address)
        assert "Verification: OK" in good
        assert "TLSv1.3" in good
        wrong_name = await _s_client(address, "-CAfile", ca, "-verify_return_error", "-verify_ip", "192.0.2.1")
        assert "IP address mismatch" in wrong_name
        nobody = await _s_client(address, "-no-CAfile", "-no-CApath", "-no-CAstore", "-verify_return_error")
        assert "unable to get local issuer certificate" in nobody
        for version in ("-tls1", "-tls1_1"):
            old = await _s_client(address, version, "-cipher", "DEFAULT:@SECLEVEL=0")
            assert "Cipher is (NONE)" in old
        session = tmp_path / "session"
        await _s_client(address, "-tls1_2", "-sess_out", str(session))
        assert "Reused, TLSv1.2" in await _s_client(address, "-tls1_2", "-sess_in", str(session))


@pytest.mark.peer("openssl", "pjsua2")
async def test_a_renewed_certificate_is_shown_after_sighup_and_nobody_is_cut_off(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    address = next(addresses)
    async with (
        furnished(tmp_path, address) as running,
        Phone(running.logins["Hall"].pjsua(next(addresses), transport="tls")) as phone,
    ):
        await phone.registered()
        before = await _shown(address)
        await running.edge("tls", "init", "--name", "edge.example")
        assert running.daemon.pid is not None
        os.kill(running.daemon.pid, signal.SIGHUP)
        async with asyncio.timeout(WITHIN_S):
            while await _shown(address) == before:
                continue
        assert (await transports(running))["Hall"] == "tls"
        ca = str(running.site.folder / "tls" / "ca.pem")
        assert "Verification: OK" in await _s_client(address, "-CAfile", ca, "-verify_hostname", "edge.example")


async def _shown(address: str) -> str:
    return await asyncio.to_thread(ssl.get_server_certificate, (address, TLS_PORT), timeout=WITHIN_S)


def _openssl(*arguments: object) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], check=False, capture_output=True, text=True, errors="replace", input="",
        timeout=WITHIN_S,
    )  # fmt: skip
    return done.stdout + done.stderr


async def _s_client(address: str, *options: str) -> str:
    """What s_client says about our TLS port; it hangs up at once."""
    return await asyncio.to_thread(_openssl, "s_client", "-connect", f"{address}:{TLS_PORT}", *options)
