"""Real phones register at the daemon, and the command line shows where they are."""

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.phone.handle import Phone
from tests.peers.baresip import Baresip
from tests.peers.linphone import Linphone
from tests.peers.site import Login, Running, house

MAC = "0C1105000001"
GATE = (MAC, "Gate", "--type", "0", "--place", "public")
# over TCP these two leave from 127.0.0.1 whatever their address is, and the edge shows where they really are
LEAVES_FROM_ELSEWHERE = {("baresip", "tcp"), ("linphone", "tcp")}


async def phone_of(kind: str, login: Login, folder: Path, ip: str, transport: str) -> Any:
    if kind == "pjsua2":
        return Phone(login.pjsua(ip, transport=transport))
    if kind == "baresip":
        return Baresip(folder, login.baresip(ip, transport=transport))
    return Linphone(folder, login.linphone(ip, transport=transport))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.peer(kind, "tshark")) for kind in ("pjsua2", "baresip", "linphone")]
)
async def test_a_phone_is_online_while_it_is_there(
    tmp_path: Path, addresses: Iterator[str], kind: str, transport: str
) -> None:
    ip = next(addresses)
    digest = "md5" if kind == "baresip" else "both"  # baresip 1.0 gives up at the sight of SHA-256
    async with house(tmp_path, next(addresses), watch=True) as running:
        login = await running.device(*GATE, "--digest", digest)
        async with await phone_of(kind, login, tmp_path, ip, transport) as phone:
            await phone.registered()
            shown = await shown_sip(running)
            assert (shown["online"], shown["transport"].lower()) == (True, transport)
            assert shown["user"] == login.sip["user"]
            assert (kind, transport) in LEAVES_FROM_ELSEWHERE or ip in shown["contact"]
        assert phone.status == 0
        await until_offline(running)
    running.well_formed()


async def shown_sip(running: Running) -> dict[str, Any]:
    """The SIP part of the only device as `edge device list` shows it."""
    rows: list[dict[str, Any]] = await running.edge("device", "list")
    assert len(rows) == 1
    sip: dict[str, Any] = rows[0]["sip"]
    return sip


async def until_offline(running: Running) -> None:
    async with asyncio.timeout(8):
        while True:
            if not (await shown_sip(running))["online"]:
                return
            await asyncio.sleep(0.2)


@pytest.mark.peer("pjsua2")
async def test_a_wrong_password_is_refused_and_leaves_no_trace(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with house(tmp_path, next(addresses)) as running:
        login = await running.device(*GATE)
        settings = login.pjsua(next(addresses))
        async with Phone(dataclasses.replace(settings, password="wrong")) as phone:
            refused = await phone.wait("registration")
            assert refused["status"] in (401, 403)
            assert not (await shown_sip(running))["online"]
