"""A house whose residents have apps: a gate with a camera, three apartments, a telephone behind a trunk.

async with app_house(folder, addresses) as here:
    anna = await here.resident(browser, "101", "Anna")
    await here.gate.dial("101")
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser

from edge.admin import apartments, devices, residents
from edge.admin.edit import Edit
from edge.admin.site import Site as OpenSite
from edge.demo.device import Device
from models.device import DigestOffer
from models.service import ServiceState
from tests.loopback.portal.home import GATE, HTTP_PORT, Apartment, Home, home
from tests.peers.app_browser import Resident, Wire
from tests.peers.baresip import Baresip, BaresipSettings

APP_PORT: Final = 8081
DOOR_HZ: Final = 440
RING_S: Final = 2.0
LONG_S: Final = 60.0
WITHIN_S: Final = 20.0
QUARTERS: Final = {"red": (0.25, 0.25), "lime": (0.75, 0.25), "blue": (0.25, 0.75), "yellow": (0.75, 0.75)}
"""What the gate's camera sees: ffmpeg's names of colours, and where each is in the picture."""


@dataclass
class CameraDoor:
    """The gate: baresip sends its sound and picture, a simulated device is on the device plane."""

    phone: Baresip
    plane: Device
    house: Home

    async def dial(self, apartment: str) -> int:
        """The mark of this moment in the telephone's events."""
        since = self.phone.events.mark()
        await self.phone.call(self.house.uri(apartment))
        return since

    async def ended(self, since: int, timeout_s: float = WITHIN_S) -> str:
        """How the call ended, in baresip's words."""
        return str((await self.phone.event("CALL_CLOSED", timeout_s, since))["param"])


@dataclass
class AppHouse:
    house: Home
    gate: CameraDoor
    wire: Wire
    origin: str

    async def resident(self, browser: Browser, apartment: str, first: str) -> Resident:
        """Somebody who lives there, with the app, let in by the command's invitation."""
        with _edit(self.house) as edit:
            identity = residents.add(edit, f"1/{apartment}", first_name=first, last_name="Berg")
        invitation = await self.house.site.edge("app", "invite", identity)
        return await Resident.enter(browser, self.origin, str(invitation["link"]).partition("=")[2])

    async def camera(self, name: str, url: str) -> None:
        """Another maker's camera beside the gate, known to the daemon: a look takes the cameras that there are then."""
        site = self.house.site
        before = (await site.edge("status"))["revision"]
        await site.edge("camera", "add", name, "--rtsp", url, "--device", GATE)
        async with asyncio.timeout(WITHIN_S):
            while (await site.edge("status"))["revision"] == before:
                pass  # each look is a command of half a second

    def block(self, apartment: str) -> None:
        """The apartment's service, as an installer or the central store would."""
        with _edit(self.house) as edit:
            apartments.set_service(edit, f"1/{apartment}", ServiceState.BLOCKED)


@contextlib.contextmanager
def _edit(house: Home) -> Iterator[Edit]:
    office = OpenSite.open(house.site.folder)
    try:
        with office.admin("installer").edit() as edit:
            yield edit
    finally:
        office.close()


async def film(path: Path) -> Path:
    """A minute of four coloured quarters."""
    size, seconds = "160x120", 60
    inputs = [part for name in QUARTERS for part in ("-f", "lavfi", "-i", f"color={name}:s={size}:r=10:d={seconds}")]
    join = "[0][1]hstack[t];[2][3]hstack[b];[t][b]vstack"
    ends = ["-filter_complex", join, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)]
    process = await asyncio.create_subprocess_exec("ffmpeg", "-loglevel", "error", "-y", *inputs, *ends)
    assert await process.wait() == 0
    return path


@contextlib.asynccontextmanager
async def app_house(folder: Path, addresses: Iterator[str], **calls: Any) -> AsyncIterator[AppHouse]:
    """101 rings apps (call type 0), 102 apps and then its telephone (2), 103 the same after monitors, of which it has
    none (5): a ring of 2 s in the first stage, and in the second one that only what happens can end."""
    wire_ip = next(addresses)
    origin = f"http://{wire_ip}:{APP_PORT}"
    settings = {
        "app.public_url": origin,
        "calls.ring_time_by_stage_s": [RING_S, LONG_S],
        "calls.ring_time_s": LONG_S,
        **{f"calls.{name}": value for name, value in calls.items()},
    }
    homes = (Apartment("101"), Apartment("102", 2, landline=True), Apartment("103", 5, landline=True))
    async with home(folder, addresses, *homes, settings=settings) as house:
        target = (house.site.address, HTTP_PORT)
        async with Wire(wire_ip, APP_PORT, target) as wire, _gate(house, folder) as gate:
            yield AppHouse(house, gate, wire, origin)


@contextlib.asynccontextmanager
async def _gate(house: Home, folder: Path) -> AsyncIterator[CameraDoor]:
    with _edit(house) as edit:
        devices.set_device(edit, GATE, digest=DigestOffer.MD5)  # baresip 1.0 knows no other
    sip = house.devices[GATE].sip
    mqtt = {
        **house.daemon.ready["mqtt"], "tls": None, "ca_file": None, **house.devices[GATE].mqtt, "client_id": GATE,
        "prefix": "intercom", "community": house.daemon.ready["community"],
    }  # fmt: skip
    settings = BaresipSettings(
        next(house.addresses), sip["user"], sip["password"], house.server, tone_hz=DOOR_HZ, auto_answer=True,
        video=True, picture=await film(folder / "camera.mp4"),
    )  # fmt: skip
    async with (
        Baresip(folder, settings) as phone,
        Device("Gate", {"mqtt": mqtt, "phone": None, "model": "SIM-1", "type": "0"}) as plane,
    ):
        await phone.registered(WITHIN_S)
        await plane.wait("link", WITHIN_S, online=True)
        yield CameraDoor(phone, plane, house)
