"""The pictures of docs/app.md, made of the running program:

    python -m tests.peers.app_gallery docs/app

A whole daemon, its doors as baresip and as devices on the device plane, a resident's app in Chromium. Each screen is
taken in phone and desktop size, light and dark.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, expect

from edge.admin import devices
from edge.admin.devices import Placing
from edge.admin.site import Site as OpenSite
from edge.demo.device import Device
from edge.phone.loopback import AddressBlock
from models.device import DeviceType
from tests.peers.app_browser import WITHIN_MS, Resident, chromium
from tests.peers.baresip import Baresip
from tests.peers.site import Running, house

PORT: Final = 8080
GATE, ENTRANCE, GARAGE, HALL, GUARD = (f"0C1105E0000{number}" for number in range(1, 6))
SIZES: Final = {"phone": (390, 844), "desktop": (1280, 800)}
THEMES: Final = ("light", "dark")
CAMERA: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 480" width="640" height="480">
<defs>
  <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
    <stop offset="0" stop-color="#6f8fae"/><stop offset="1" stop-color="#d9c9b0"/>
  </linearGradient>
  <linearGradient id="path" x1="0" y1="0" x2="0" y2="1">
    <stop offset="0" stop-color="#8d8a83"/><stop offset="1" stop-color="#b7b2a8"/>
  </linearGradient>
  <radialGradient id="lens" r=".75">
    <stop offset=".6" stop-color="#000" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity=".6"/>
  </radialGradient>
</defs>
<rect width="640" height="480" fill="url(#sky)"/>
<path d="M0 120h150v180H0z" fill="#7b5a4a"/><path d="M480 90h160v210H480z" fill="#8a6b58"/>
<g fill="#d8e3ea"><path d="M20 145h38v48H20zM84 145h38v48H84zM20 220h38v48H20zM84 220h38v48H84z"/>
<path d="M505 120h42v52h-42zM575 120h42v52h-42zM505 205h42v52h-42zM575 205h42v52h-42z"/></g>
<path d="M150 210c50-46 110-58 165-58s115 14 165 58v90H150z" fill="#5d7a4f"/>
<circle cx="215" cy="190" r="52" fill="#4c6a41"/><circle cx="430" cy="182" r="58" fill="#547448"/>
<path d="M0 300h640v180H0z" fill="#6f8a5c"/><path d="M250 300h150l190 180H60z" fill="url(#path)"/>
<g stroke="#3b4046" stroke-width="7"><path d="M0 262h212M430 262h210M0 322h196M446 322h194"/>
<path d="M24 250v90M74 250v90M124 250v90M174 250v90M466 250v90M516 250v90M566 250v90M616 250v90"/></g>
<ellipse cx="322" cy="466" rx="130" ry="20" fill="#0003"/>
<path d="M206 480c0-120 34-176 116-176s118 56 118 176z" fill="#26486b"/>
<path d="M296 290h54v40q-27 22-54 0z" fill="#c98f6f"/>
<ellipse cx="323" cy="238" rx="52" ry="64" fill="#dda583"/>
<path d="M268 226c0-56 26-76 56-76s56 22 56 76c-16-20-36-30-56-30s-42 10-56 30z" fill="#3a2b22"/>
<path d="M262 196c8-38 32-56 62-56s56 18 62 56z" fill="#1f3a57"/><path d="M256 196h136v12H256z" fill="#1a314a"/>
<circle cx="303" cy="240" r="5" fill="#2b2420"/><circle cx="344" cy="240" r="5" fill="#2b2420"/>
<path d="M306 272q18 14 36 0" fill="none" stroke="#9a5d46" stroke-width="4" stroke-linecap="round"/>
<path d="M356 372h150v96H356z" fill="#c79a62"/><path d="M356 372h150v20H356z" fill="#b5884f"/>
<path d="M420 372h22v96h-22z" fill="#e3c79a"/>
<rect width="640" height="480" fill="url(#lens)"/></svg>"""


async def camera(browser: Browser, folder: Path) -> Path:
    """A film of a courier at the gate."""
    page = await browser.new_page(viewport={"width": 640, "height": 480})
    await page.set_content(f"<body style='margin:0'>{CAMERA}</body>")
    await page.screenshot(path=folder / "courier.png")
    await page.close()
    film = folder / "camera.mp4"
    loop = ["-loop", "1", "-framerate", "10", "-i", str(folder / "courier.png"), "-t", "60"]
    code = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p", str(film)]
    process = await asyncio.create_subprocess_exec("ffmpeg", "-loglevel", "error", "-y", *loop, *code)
    assert await process.wait() == 0
    return film


@contextlib.asynccontextmanager
async def riverside(folder: Path, ip: str) -> AsyncIterator[Running]:
    """Three doors, a monitor, a guard, two apartments."""
    settings = {
        "app": {"public_url": f"http://{ip}:{PORT}", "phones": ["Caretaker: +371 2000 1122", "Lift: +371 2000 3344"]},
        "http": {"port": PORT},
    }
    options = ("--name", "Riverside House", "--time-zone", "Europe/Riga", "--community-calls")
    async with house(folder, ip, *options, settings=settings, judged=False) as running:
        edge = running.edge
        await edge("mac", "add", GATE, ENTRANCE, GARAGE, HALL, GUARD)
        await edge("building", "add", "1")
        for number in ("101", "102"):
            await edge("apartment", "add", f"1/{number}", "--call-type", "0", "--whitelisted")
        for mac, name in ((GATE, "Main gate"), (ENTRANCE, "Entrance 1"), (GARAGE, "Garage")):
            await edge("device", "add", mac, "--name", name, "--type", "0", "--digest", "md5")
        _hall(running)
        await edge("device", "add", GUARD, "--name", "Guard post", "--type", "3")
        for mac, number, name in (
            (GATE, "1", "Gate"), (GATE, "2", "Driveway"), (ENTRANCE, "1", "Entrance 1"), (GARAGE, "1", "Garage door")
        ):  # fmt: skip
            await edge("relay", "add", mac, number, "--name", name)
        await edge("credential", "add", "pin", "--apartment", "1/101", "--value", "481516")
        await edge("credential", "add", "rf_card", "--apartment", "1/101", "--value", "04A1B2C3D4")
        yield running


def _hall(running: Running) -> None:
    """A monitor with an alarm, which no command says yet."""
    office = OpenSite.open(running.site.folder)
    try:
        with office.admin("installer").edit() as edit:
            placing = Placing(apartment="1/101")
            devices.add(edit, HALL, name="Hall", type=DeviceType.INDOOR_MONITOR, placing=placing, arming=True)
    finally:
        office.close()


class Gallery:
    """Takes the screen that shows now, four times."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page, self._folder = page, folder

    async def take(self, name: str) -> None:
        await self._page.evaluate("() => document.getElementById('told').classList.remove('shown')")
        for size, (width, height) in SIZES.items():
            await self._page.set_viewport_size({"width": width, "height": height})
            for theme in THEMES:
                await self._page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                await self._page.screenshot(path=self._folder / f"{name}-{size}-{theme}.png")
        width, height = SIZES["phone"]
        await self._page.set_viewport_size({"width": width, "height": height})


async def lived_in(gate: Device, entrance: Device) -> None:
    """Something for the history to show."""
    await gate.attempt("a-1", "pin", "481516")
    await entrance.attempt("a-2", "rf_card", "04A1B2C3D4")


async def pages(anna: Resident, gallery: Gallery) -> None:
    page = anna.page
    await expect(page.get_by_text("Online").first).to_be_visible(timeout=WITHIN_MS)
    await gallery.take("doors")
    await page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    await gallery.take("home")
    for tab in ("Call", "Settings", "Visitors", "History"):
        await page.get_by_role("navigation").get_by_role("button", name=tab).click()
        await expect(page.locator("[aria-busy]")).to_have_count(0)
        if tab == "Settings":
            await page.get_by_role("switch", name="Quiet hours").click()
            await expect(page.get_by_label("From")).to_be_visible(timeout=WITHIN_MS)
        if tab == "Visitors":
            await visitors(page, gallery)
        await gallery.take(tab.lower())
    await page.get_by_role("navigation").get_by_role("button", name="Doors").click()


async def visitors(page: Page, gallery: Gallery) -> None:
    """Three passes, of which the last is shown as it is made."""
    for name, kind in (("Grandmother", "pin"), ("Piano tuner", "qr"), ("Plumber", "qr")):
        await page.get_by_label("For whom").fill(name)
        await page.get_by_label("How it opens").select_option(kind)
        await page.get_by_role("button", name="Make the pass").click()
        await expect(page.get_by_role("button", name="Done")).to_be_visible(timeout=WITHIN_MS)
        if name == "Plumber":
            await gallery.take("pass")
        await page.get_by_role("button", name="Done").click()


async def calls(anna: Resident, gallery: Gallery, gate: Baresip, server: str) -> None:
    """The gate rings twice, missed once; then she looks in."""
    for answers in (False, True):
        since = gate.events.mark()
        await gate.call(f"sip:101@{server}")
        await anna.rung_by("Main gate")
        await anna.frames(3)
        if not answers:
            await gallery.take("ring")
            await gate.hang_up()
        else:
            await anna.button("Answer").click()
            await expect(anna.page.get_by_text("Talking")).to_be_visible(timeout=WITHIN_MS)
            await gallery.take("talking")
            await anna.hold("Gate")
            await expect(anna.page.get_by_text("Opened", exact=True)).to_be_visible(timeout=WITHIN_MS)
            await anna.page.mouse.up()
            await anna.button("Hang up").click()
        await gate.event("CALL_CLOSED", 20, since)
        await expect(anna.button("Doors")).to_be_visible(timeout=WITHIN_MS)
    await anna.button("Look: Main gate").click()
    await expect(anna.page.get_by_text("It does not hear you")).to_be_visible(timeout=WITHIN_MS)
    await anna.frames(3)
    await gallery.take("look")
    await anna.button("Hang up").click()


async def main(folder: Path, addresses: Iterator[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        async with chromium() as browser, riverside(place, next(addresses)) as running:
            resident = await running.edge("resident", "add", "1/101", "--first", "Anna", "--last", "Berg")
            invitation = await running.edge("app", "invite", str(resident["id"]))
            logins = {mac: await running.login(mac, mac) for mac in (GATE, ENTRANCE, HALL, GUARD)}
            film = await camera(browser, place)
            phone: dict[str, Any] = {"tone_hz": 440, "auto_answer": True, "video": True, "picture_size": "640x480"}
            async with (
                Baresip(place, logins[GATE].baresip(next(addresses), picture=film, **phone)) as baresip,
                logins[GATE].simulated(type="0", relays=2) as gate,
                logins[ENTRANCE].simulated(type="0") as entrance,
                logins[HALL].simulated(type="2") as hall,
                logins[GUARD].simulated(logins[GUARD].pjsua(next(addresses)), type="3", engine="own") as guard,
            ):
                await baresip.registered(20)
                await guard.registered(20)
                for device in (gate, entrance, hall):
                    await device.wait("link", 20, online=True)
                hall.do("event", id="e-1", type="relay", n=1, state=True)
                hall.do("event", id="e-2", type="arming", armed=True)
                await lived_in(gate, entrance)
                await the_story(browser, folder, str(invitation["link"]), baresip, running.server)


async def the_story(browser: Browser, folder: Path, link: str, gate: Baresip, server: str) -> None:
    origin, _, secret = link.partition("/app/#invite=")
    page = await browser.new_page(locale="en-GB")
    await page.goto(link)
    await Gallery(page, folder).take("invitation")
    await page.close()
    anna = await Resident.enter(browser, origin, secret, timezone_id="Europe/Riga")
    gallery = Gallery(anna.page, folder)
    await calls(anna, gallery, gate, server)
    await pages(anna, gallery)
    assert anna.complaints == []


if __name__ == "__main__":
    with AddressBlock.claim() as block:
        target = Path(sys.argv[1])
        target.mkdir(parents=True, exist_ok=True)
        asyncio.run(main(target, block.addresses()))
