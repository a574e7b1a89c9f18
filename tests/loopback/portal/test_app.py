"""A visitor rings, a resident's app answers and opens: a real daemon, a telephone as door, an aiortc peer as app."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge.demo.device import Device
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.home import GATE, Apartment, home
from tests.loopback.portal.phones import App, Handset, listening
from tests.peers.site import Login, Running
from tests.unit.edge.portal.browser import BrowserKey

WITHIN_S: Final = 20.0


class Flat:
    """The house of the test: a gate, and a resident whose app rings."""

    def __init__(self, running: Running, origin: str, resident: str) -> None:
        self.running, self.origin, self.resident = running, origin, resident

    async def invited(self) -> str:
        link = (await self.running.edge("app", "invite", self.resident))["link"]
        assert link.startswith(f"{self.origin}/app/#invite=")
        return str(link.partition("=")[2])

    async def redeem(self, secret: str, key: BrowserKey) -> httpx.Response:
        signature = key.sign("intercom-edge/1/invite", self.origin, secret)
        body = {"secret": secret, "public_key": key.public, "name": "Anna's phone", "signature": signature}
        async with httpx.AsyncClient(trust_env=False) as web:
            return await web.post(f"{self.origin}/app/api/invite", json=body, headers={"Origin": self.origin})

    @contextlib.asynccontextmanager
    async def app(self) -> AsyncIterator[tuple[App, dict[str, Any]]]:
        key = BrowserKey()
        session = (await self.redeem(await self.invited(), key)).json()["session"]
        async with Handset(session, key, self.origin).connected() as app:
            yield app, dict(app.state)


@pytest.fixture
async def flat(tmp_path: Path, addresses: Iterator[str]) -> AsyncIterator[Flat]:
    async with home(tmp_path, addresses, Apartment("101", 2)) as here:
        running = Running(here.site, here.daemon)
        resident = (await running.edge("resident", "add", "1/101", "--first", "Anna", "--last", "Berg"))["id"]
        yield Flat(running, here.origin, resident)


def gate(login: Login, ip: str) -> Device:
    phone = login.pjsua(ip, port=0, tone_hz=440)
    return login.simulated(phone, type="0", engine="own")


async def test_a_visitor_rings_talks_and_is_let_in(flat: Flat, addresses: Iterator[str]) -> None:
    login = await flat.running.login(GATE, "Gate")
    async with flat.app() as (app, state), gate(login, next(addresses)) as door, AppPeer(video=False) as peer:
        assert [each["name"] for each in state["apartments"]] == ["1/101"]
        await door.wait("link", online=True, timeout_s=WITHIN_S)
        await door.registered(WITHIN_S)
        door.do("call", to=flat.running.uri("101"))
        ring = await app.hear("ring")
        assert (ring["door"]["name"], ring["apartment"], ring["kind"]) == ("Gate", "1/101", "visitor")
        assert [each["name"] for each in ring["relays"]] == ["Street"]
        call = ring["call"]
        asked = await app.say("offer", call=call, sdp=await peer.offer())
        await peer.answered((await app.hear("answer_sdp", re=asked))["sdp"])
        await app.say("answer", call=call)
        await app.hear("won", call=call)
        await until(lambda: peer.connected and len(peer.heard) > 10)
        pressed = await app.say("open", nonce="n-1", relay="1", call=call)
        await app.hear("opened", re=pressed)
        assert (await door.wait("down", verb="open", timeout_s=WITHIN_S))["relays"] == ["1"]
        again = await app.say("open", nonce="n-1", relay="1", call=call)
        await app.hear("opened", re=again)
        await app.say("hangup", call=call)
        await app.hear("ended", call=call)
    opened = [row for row in await flat.running.site.log("--kind", "access") if row["outcome"] == "granted"]
    assert len(opened) == 1, "one press moves a relay once, however often it is sent"


async def test_an_invitation_and_a_key_let_one_phone_in(flat: Flat) -> None:
    secret, key = await flat.invited(), BrowserKey()
    assert (await flat.redeem(secret, key)).status_code == 201
    assert (await flat.redeem(secret, key)).json() == {"reason": "invite"}
    (session,) = (await flat.running.edge("resident", "show", flat.resident))["apps"]
    socket = f"ws{flat.origin.removeprefix('http')}/ws"
    with pytest.raises(InvalidStatus):
        await connect(socket, origin="http://elsewhere.example", proxy=None)  # type: ignore[arg-type]  # a str
    async with connect(socket, origin=flat.origin, proxy=None) as thief:  # type: ignore[arg-type]  # a str
        stranger = App(BrowserKey(), session["id"], flat.origin, thief)
        async with listening(stranger):
            with pytest.raises(ConnectionClosed) as closed:
                await stranger.hello()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


async def test_a_blocked_resident_loses_doors_at_once_and_a_revoked_phone_is_out(flat: Flat) -> None:
    async with flat.app() as (app, state):
        assert state["may"]["talk"]
        await flat.running.edge("apartment", "service", "1/101", "blocked")
        changed = await app.hear("state")
        assert changed["state"]["apartments"][0]["service"] == "blocked"
        assert not changed["state"]["may"]["talk"]
        pressed = await app.say("open", nonce="n-1", relay="1", door=GATE)
        assert (await app.hear("refused", re=pressed))["reason"] != ""
        (session,) = (await flat.running.edge("resident", "show", flat.resident))["apps"]
        await flat.running.edge("app", "revoke", session["id"])
        with pytest.raises(ConnectionClosed) as closed:
            await app.hear("nothing more")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_the_app_is_served_with_its_policy(flat: Flat) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=flat.origin) as web:
        page = await web.get("/app/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert (await web.get("/app/../api/v1/status")).status_code in (401, 404)
        assert (await web.get("/app/api/about")).json() == {"community": "Home", "version": 1}
        assert (await web.get("/app/api/state")).status_code == 401
