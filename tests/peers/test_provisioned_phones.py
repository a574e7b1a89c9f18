"""Phones that were told nothing but a provisioning URL register, are called and answer.

What they have beside it is this machine's: which address to use, and a file in the place of the sound card.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from edge.phone.handle import Phone
from tests.peers import tone
from tests.peers.baresip import Baresip, BaresipSettings
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.site import Running, house

MONITOR: Final = "020000000101"  # any computer's card: what it is, the file says that it asks for
TALK_S: Final = 2.6
HEARD_S: Final = 2.0
_FETCH_WITHIN_S: Final = 20.0

pytestmark = pytest.mark.peer("pjsua2", "tshark")


@asynccontextmanager
async def home(folder: Path, address: str, digest: str) -> AsyncIterator[Running]:
    """An apartment 101 with a monitor that nobody has set up yet."""
    async with house(folder, address, settings={"mqtt": {"broker": "embedded"}}, watch=True) as running:
        await running.edge("building", "add", "1")
        await running.edge("apartment", "add", "1/101")
        await running.edge("mac", "add", MONITOR)
        options = ("--name", "Hall", "--type", "2", "--apartment", "1/101", "--digest", digest)
        await running.edge("device", "add", MONITOR, *options)
        yield running


async def url_of(running: Running, file: str) -> str:
    """What an installer copies from `edge autop token`."""
    made = await running.edge("autop", "token", MONITOR)
    (url,) = (each for each in [*made["own"], *made["others"]] if each.endswith(f"/{file}"))
    return str(url)


async def fetches(running: Running) -> list[Mapping[str, Any]]:
    rows = await running.site.log("--kind", "device")
    return [row["detail"] for row in rows if row["detail"].get("type") == "fetch"]


async def visited(running: Running, ip: str, phone: Linphone | Baresip) -> Path:
    """A visitor dials 101, *phone* is answered, both talk, the visitor leaves; what the visitor heard."""
    login = await running.device("0C1105A00001", "Gate", "--type", "0")
    async with Phone(login.pjsua(ip, tone_hz=440)) as gate:
        await gate.registered()
        mark = gate.call(running.uri("101"))
        await gate.state("early", since=mark)
        await answered(phone)
        await gate.state("confirmed", since=mark)
        await asyncio.sleep(TALK_S)
        gate.hang_up()
        closed = await gate.wait("closed")
        if isinstance(phone, Baresip):
            await phone.event("CALL_CLOSED")
        else:
            await phone.says("ended")
    return Path(str(closed["wav"]))


async def answered(phone: Linphone | Baresip) -> None:
    """Picked up by hand once it rings."""
    if isinstance(phone, Baresip):
        await phone.event("CALL_INCOMING")
        await phone.answer()
    else:
        await phone.says("Receiving new incoming call from")
        phone.answer()


@pytest.mark.peer("linphone")
async def test_linphone_needs_nothing_but_the_url(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with home(tmp_path, next(addresses), "both") as running:
        uri = await url_of(running, f"linphone-{MONITOR}.xml")
        wav = tone.make(tmp_path / "880.wav", 880)
        settings = LinphoneSettings(next(addresses), "new", config_uri=uri, wav=wav)
        async with Linphone(tmp_path, settings) as phone:
            await phone.registered()
            phone.write_line(f"play {wav}")  # its configuration began anew when it was fetched
            heard = await visited(running, next(addresses), phone)
        (call,) = await running.edge("call", "list")
        fetched = await fetches(running)
    assert (call["outcome"], call["from"]) == ("answered", "Gate")
    assert [(row["file"], row["status"]) for row in fetched] == [(f"linphone-{MONITOR}.xml", 200)]
    assert tone.seconds_of(heard, 880) >= HEARD_S
    assert tone.seconds_of(phone.heard, 440) >= HEARD_S
    running.well_formed()


@pytest.mark.peer("baresip", "curl")
async def test_baresip_needs_the_url_and_one_command(tmp_path: Path, addresses: Iterator[str]) -> None:
    """The command of docs/devices.md: it fetches nothing by itself."""
    async with home(tmp_path, next(addresses), "md5") as running:
        uri = await url_of(running, f"baresip-{MONITOR}-accounts")
        accounts = tmp_path / "accounts"
        async with asyncio.timeout(_FETCH_WITHIN_S):
            fetch = await asyncio.create_subprocess_exec("curl", "-fsS", "-o", str(accounts), uri)
            assert await fetch.wait() == 0
        settings = BaresipSettings(next(addresses), "new", tone_hz=880, accounts=accounts.read_text())
        async with Baresip(tmp_path, settings) as phone:
            await phone.registered()
            heard = await visited(running, next(addresses), phone)
        (call,) = await running.edge("call", "list")
        fetched = await fetches(running)
    assert (call["outcome"], call["from"]) == ("answered", "Gate")
    assert [(row["file"], row["status"]) for row in fetched] == [(f"baresip-{MONITOR}-accounts", 200)]
    assert tone.seconds_of(heard, 880) >= HEARD_S
    assert tone.seconds_of(phone.heard, 440) >= HEARD_S
    running.well_formed()
