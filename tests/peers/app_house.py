"""A house whose residents have apps: a gate with a camera, three apartments, a telephone company.

async with app_house(folder, addresses) as here:
    here.gate.dial("101")
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser

from edge.demo.device import Device
from tests.peers.app_browser import Resident, Wire
from tests.peers.baresip import Baresip
from tests.peers.site import Running, house
from tests.peers.street import RING_S, TRUNK_PASSWORD, TRUNK_USER
from tests.peers.trunk import Trunk

GATE: Final = "0C1105E00001"
EDGE_PORT: Final = 8080
APP_PORT: Final = 8081
DOOR_HZ: Final = 440
QUARTERS: Final = {"red": (0.25, 0.25), "lime": (0.75, 0.25), "blue": (0.25, 0.75), "yellow": (0.75, 0.75)}
"""What the gate's camera sees: ffmpeg's names of colours, and where each is in the picture."""


@dataclass
class CameraDoor:
    """The gate: baresip sends its sound and picture, an ordinary MQTT client is its device plane."""

    phone: Baresip
    plane: Device
    server: str

    async def dial(self, apartment: str) -> int:
        """The mark of this moment in the telephone's events."""
        since = self.phone.events.mark()
        await self.phone.call(f"sip:{apartment}@{self.server}")
        return since

    async def ended(self, since: int, timeout_s: float = 20.0) -> str:
        """How the call ended, in baresip's words."""
        return str((await self.phone.event("CALL_CLOSED", timeout_s, since))["param"])


@dataclass
class AppHouse:
    folder: Path
    running: Running
    gate: CameraDoor
    wire: Wire
    origin: str
    far_ip: str  # where the telephone company's telephone is, to be started

    async def resident(self, browser: Browser, apartment: str, first: str) -> Resident:
        """Somebody who lives there, with the app."""
        added = await self.running.edge("resident", "add", f"1/{apartment}", "--first", first, "--last", "Berg")
        invitation = await self.running.edge("app", "invite", str(added["id"]))
        return await Resident.enter(browser, self.origin, str(invitation["link"]).partition("=")[2])


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
    edge_ip, wire_ip, trunk_ip, far_ip = (next(addresses) for _ in range(4))
    origin = f"http://{wire_ip}:{APP_PORT}"
    settings = {
        "app": {"public_url": origin},
        "http": {"port": EDGE_PORT},
        "calls": {"ring_time_by_stage_s": [RING_S, 60.0], "ring_time_s": 60.0, **calls},
        "trunk": {"host": trunk_ip, "port": 5060, "user": TRUNK_USER},
    }
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(Trunk(folder, trunk_ip, {TRUNK_USER: TRUNK_PASSWORD}, f"{far_ip}:5070"))
        options = ("--plan", "premium", "--time-zone", "Europe/Berlin", "--landline", "--community-calls")
        secrets = {"trunk_password": TRUNK_PASSWORD}
        running = await stack.enter_async_context(house(folder, edge_ip, *options, settings=settings, secrets=secrets))
        wire = await stack.enter_async_context(Wire(wire_ip, APP_PORT, (edge_ip, EDGE_PORT)))
        gate = await stack.enter_async_context(_gate(running, folder, next(addresses)))
        yield AppHouse(folder, running, gate, wire, origin, far_ip)


@contextlib.asynccontextmanager
async def _gate(running: Running, folder: Path, ip: str) -> AsyncIterator[CameraDoor]:
    await running.edge("mac", "add", GATE)
    sheet = folder / "house.csv"
    sheet.write_text(
        "Building,Apt,Device,1stPhone,TelephoneCallingCode,CallType\n"
        f'1,101,"Gate,0,{GATE}",,,0\n'
        f'1,102,"Gate,0,{GATE}",301234567,49,2\n'
        f'1,103,"Gate,0,{GATE}",301234568,49,5\n'
    )
    await running.edge("import", str(sheet))
    for apartment in ("1/101", "1/102", "1/103"):
        await running.edge("apartment", "set", apartment, "--whitelisted")
    await running.edge("relay", "set", GATE, "1", "--name", "Street")
    await running.edge("device", "set", GATE, "--digest", "md5")  # baresip 1.0 knows no other
    login = await running.login(GATE, "Gate")
    picture = await film(folder / "camera.mp4")
    async with (
        Baresip(folder, login.baresip(ip, tone_hz=DOOR_HZ, auto_answer=True, video=True, picture=picture)) as phone,
        login.simulated(type="0") as plane,
    ):
        await phone.registered(20)
        await plane.wait("link", 20, online=True)
        yield CameraDoor(phone, plane, running.server)
