"""An app outside: it is reached through a relay alone, with credentials that the edge made and that end."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from edge.phone.handle import Phone
from edge.portal.turn import TurnSettings, servers
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.home import GATE, Apartment, home
from tests.peers.turn import Coturn

pytestmark = pytest.mark.peer("coturn")

SECRET: Final = "shared-with-the-relay"
HOURS: Final = 2.0


async def test_the_media_go_through_the_relay(
    tmp_path: Path, addresses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [])  # of the app: nothing is near
    ip = next(addresses)
    settings = {"app.turn_url": f"turn:{ip}:3478", "app.turn_hours": HOURS}
    async with (
        Coturn(tmp_path, ip, SECRET) as relay,
        home(
            tmp_path, addresses, Apartment("101", 0, ("Anna",)), settings=settings, secrets={"turn_secret": SECRET}
        ) as here,
        here.sip_phone(GATE, tone_hz=440) as gate,
        here.phones["Anna"].connected() as anna,
    ):
        (server,) = anna.welcome["ice_servers"]
        assert server["urls"] == [relay.url]
        until_s, _, session = server["username"].partition(":")
        assert 0 < int(until_s) - time.time() <= HOURS * 3600
        assert session == here.phones["Anna"].session

        async with AppPeer(video=False, ice_servers=[server]) as peer:
            gate.call(here.uri("101"))
            call = (await anna.hear("ring"))["call"]
            offer = await peer.offer()
            candidates = [line for line in offer.splitlines() if line.startswith("a=candidate")]
            assert candidates
            assert all(" typ relay" in line for line in candidates)
            asked = await anna.say("offer", call=call, sdp=offer)
            await peer.answered((await anna.hear("answer_sdp", re=asked))["sdp"])
            await anna.say("answer", call=call)
            await anna.hear("won", call=call)
            await until(lambda: len(peer.heard) > 20)
            await is_heard_at(gate, peer)
            used = TurnSettings(relay.url, SECRET, HOURS)
            (ended,) = servers(used, session, round((time.time() - HOURS * 3600 - 60) * 1000))
            async with AppPeer(video=False, ice_servers=[ended]) as late:
                assert "a=candidate" not in await late.offer(), "credentials that have ended open nothing"
            await anna.say("hangup", call=call)
            await gate.wait("closed", 20)


async def is_heard_at(gate: Phone, peer: AppPeer) -> None:
    """The gate gets what the app says."""
    before = (await gate.stats())["received"]
    async with asyncio.timeout(20):
        while (await gate.stats())["received"] < before + 20:
            peer.say(b"\x2a" * 160)
