"""A resident's phone as it is: the app in Chromium, let in by a link, rung by a door, against a whole daemon."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from edge.demo.device import Device
from tests.loopback.portal.test_app import GATE, Flat, flat, gate

__all__ = ["flat"]  # a fixture

pytestmark = pytest.mark.peer("chromium")
PACKETS_HEARD = """async () => {
  const peer = window.peers.at(-1);
  if (!peer) return 0;
  const all = [...(await peer.getStats()).values()];
  return all.find((each) => each.type === "inbound-rtp" && each.kind === "audio")?.packetsReceived ?? 0;
}"""
KEEP_PEERS = """
  window.peers = [];
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real { constructor(...given) { super(...given); window.peers.push(this); } };
"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = await browser.new_page(viewport={"width": 390, "height": 844}, locale="en-GB")
        await page.add_init_script(KEEP_PEERS)
        yield page
        await browser.close()


async def heard_at(door: Device) -> int:
    """Packets that the door has received in its call."""
    mark = door.events.mark()
    door.do("stats")
    return int((await door.wait("stats", since=mark))["received"])


async def test_a_resident_is_rung_talks_with_the_door_and_opens_it(
    flat: Flat,  # noqa: F811  # the fixture
    page: Page,
    addresses: Iterator[str],
    tmp_path: Path,
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    secret = await flat.invited()
    await page.goto(f"{flat.origin}/app/#invite={secret}")
    await page.get_by_role("button", name="Let this phone in").click()
    await expect(page.get_by_role("button", name=re.compile("Street"))).to_be_visible(timeout=15_000)

    login = await flat.running.login(GATE, "Gate")
    async with gate(login, next(addresses)) as door:
        await door.registered(20)
        await door.wait("link", online=True, timeout_s=20)
        door.do("call", to=flat.running.uri("101"))
        await expect(page.get_by_role("heading", name="Gate")).to_be_visible(timeout=15_000)
        await page.get_by_role("button", name="Answer").click()
        await expect(page.get_by_text("Talking")).to_be_visible(timeout=15_000)
        await page.wait_for_function(f"async () => (await ({PACKETS_HEARD})()) > 20")
        async with asyncio.timeout(15):
            while (await heard_at(door)) < 20:
                continue  # the browser's microphone comes to the door

        box = await page.get_by_role("button", name=re.compile("Street")).bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 20, box["y"] + 20)
        await page.mouse.down()
        assert (await door.wait("down", verb="open", timeout_s=15))["relays"] == ["1"]
        await page.mouse.up()
        await page.get_by_role("button", name="Hang up").click()
        await expect(page.get_by_role("button", name="Doors")).to_be_visible()
    (row,) = [row for row in await flat.running.site.log("--kind", "access") if row["outcome"] == "granted"]
    assert row["method"] == "app_talk"
    assert complaints == []


async def test_a_blocked_resident_loses_the_buttons_of_an_open_page(
    flat: Flat,  # noqa: F811  # the fixture
    page: Page,
) -> None:
    await page.goto(f"{flat.origin}/app/#invite={await flat.invited()}")
    await page.get_by_role("button", name="Let this phone in").click()
    await expect(page.get_by_role("button", name=re.compile("Street"))).to_be_visible(timeout=15_000)
    await flat.running.edge("apartment", "service", "1/101", "blocked")
    await expect(page.get_by_role("button", name=re.compile("Street"))).to_have_count(0, timeout=3_000)
    await expect(page.get_by_role("alert")).to_contain_text("blocked")
