"""A camera beside a door, seen by a resident's app: a real daemon, a camera that speaks RTSP, aiortc peers by WHEP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from sip.media.webrtc import use_addresses
from tests.fakes.rtsp_camera import SIZE, RtspCamera
from tests.loopback.portal.apps import until
from tests.loopback.portal.home import GATE, Apartment, Home, home

PASSWORD = "s3cret/of the camera"
SDP = {"Content-Type": "application/sdp"}
WITHIN_S = 30.0


class Viewer:
    """A player: one picture to see and nothing else, as WHEP's players offer it."""

    def __init__(self) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._picture = self.pc.addTransceiver("video", "recvonly")

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def answered(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def frame(self) -> Any:
        """The next picture, decoded."""
        async with asyncio.timeout(WITHIN_S):
            return await self._picture.receiver.track.recv()


@contextlib.asynccontextmanager
async def viewer() -> AsyncIterator[Viewer]:
    made = Viewer()
    yield made
    await made.pc.close()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import aioice.ice

    monkeypatch.setattr("aioice.ice.get_host_addresses", aioice.ice.get_host_addresses)  # put back after the test
    use_addresses(("127.0.0.1",))


@pytest.fixture
async def camera() -> AsyncIterator[RtspCamera]:
    async with RtspCamera("admin", PASSWORD) as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, addresses: Iterator[str], camera: RtspCamera) -> AsyncIterator[Home]:
    async with home(tmp_path, addresses, Apartment("101", 2, ("Anna",))) as made:
        login = ("--user", "admin", "--password", "-", "--device", GATE)
        await made.site.edge("camera", "add", "Yard", "--rtsp", camera.url, *login, stdin=f"{PASSWORD}\n")
        yield made


@contextlib.asynccontextmanager
async def resident(here: Home) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """HTTP with the token of Anna's app, and the path of the camera that it is told of."""
    async with (
        here.phones["Anna"].connected() as app,
        httpx.AsyncClient(base_url=f"{here.origin}/app/api", trust_env=False, timeout=WITHIN_S) as web,
    ):
        web.headers["Authorization"] = f"Bearer {app.welcome['token']}"
        async with asyncio.timeout(WITHIN_S):
            while not (listed := (await web.get("/cameras")).json()["cameras"]):
                continue
        (known,) = listed
        assert (known["name"], known["door"]) == ("Yard", GATE)
        assert known.keys() == {"id", "name", "door"}
        yield web, f"/cameras/{known['id']}"


async def test_a_camera_is_seen_unchanged_and_its_login_goes_nowhere(
    here: Home, camera: RtspCamera, tmp_path: Path
) -> None:
    async with resident(here) as (web, path), viewer() as first, viewer() as second:
        answer = await web.post(path, content=await first.offer(), headers=SDP)
        assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
        await first.answered(answer.text)
        frame = await first.frame()
        assert (frame.width, frame.height) == SIZE
        again = await web.post(path, content=await second.offer(), headers=SDP)
        await second.answered(again.text)
        await second.frame()
        assert len(camera.viewers) == 1, "one reader for everybody who looks"
        where = httpx.URL(f"{here.origin}{answer.headers['location']}")
        assert (await web.patch(where, content="a=candidate")).status_code == 405
        assert (await web.delete(where)).status_code == 200
        assert (await web.delete(where)).status_code == 404
        await until(lambda: first.pc.connectionState == "closed", WITHIN_S)
        assert (await web.delete(f"{here.origin}{again.headers['location']}")).status_code == 200
        await until(lambda: not camera.viewers, WITHIN_S)
    shown = f"{answer.text}{answer.headers}{(tmp_path / 'serve.log').read_text()}"
    assert not any(word in shown for word in (PASSWORD, "s3cret", "rtsp://"))
    stored = b"".join(path.read_bytes() for path in (tmp_path / "site").glob("*.db*"))
    assert b"Yard" in stored
    assert b"s3cret" not in stored


async def test_only_who_may_look_at_the_door_sees_its_camera_and_only_as_long(here: Home, camera: RtspCamera) -> None:
    async with resident(here) as (web, path), viewer() as player:
        offer = await player.offer()
        stranger = {"Authorization": "Bearer nobody"}
        assert (await web.get("/cameras", headers=stranger)).status_code == 401
        assert (await web.post(path, content=offer, headers={**SDP, **stranger})).status_code == 401
        assert (await web.post("/cameras/m_other", content=offer, headers=SDP)).status_code == 404
        assert (await web.post(path, content=offer)).status_code == 415
        assert (await web.post(path, content="v=0\r\n", headers=SDP)).status_code == 400
        assert (await web.post(path, content="x" * 100_000, headers=SDP)).status_code == 413
        answer = await web.post(path, content=offer, headers=SDP)
        await player.answered(answer.text)
        await player.frame()
        await here.site.edge("apartment", "service", "1/101", "blocked")
        await until(lambda: player.pc.connectionState == "closed", 5.0)
        assert (await web.get("/cameras")).json() == {"cameras": []}
        assert (await web.post(path, content=offer, headers=SDP)).status_code == 404


async def test_a_camera_that_is_taken_away_shows_nothing_more(here: Home, camera: RtspCamera) -> None:
    async with resident(here) as (web, path), viewer() as player:
        answer = await web.post(path, content=await player.offer(), headers=SDP)
        await player.answered(answer.text)
        await player.frame()
        await here.site.edge("camera", "remove", "Yard")
        await until(lambda: player.pc.connectionState == "closed", 5.0)
        await until(lambda: not camera.viewers, WITHIN_S)
        assert (await web.get("/cameras")).json() == {"cameras": []}
