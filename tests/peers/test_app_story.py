"""What two residents' phones do when the door rings: Chromium twice, a door with a camera, a whole daemon between."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.rtsp_camera import RtspCamera
from tests.peers import tone
from tests.peers.app_browser import WITHIN_MS, Resident, chromium
from tests.peers.app_house import DOOR_HZ, QUARTERS, AppHouse, app_house

pytestmark = [
    pytest.mark.peer("chromium", "baresip", "ffmpeg"),
    pytest.mark.timeout(300),  # 25 s each on a machine that does nothing else
]

VOICE_HZ: Final = 700
COLOURS: Final = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
COLOUR_OFF_MAX: Final = 40  # of 255: H.264 and its range take their part
NEAR_HZ: Final = 12
NOTICED_WITHIN_S: Final = 10.0
BLOCKED_WITHIN_MS: Final = 3_000  # a second, and a busy machine


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with chromium(tone.make(tmp_path / "voice.wav", VOICE_HZ)) as made:
        yield made


async def sees_the_camera(resident: Resident) -> None:
    """The four quarters in their colours, and picture after picture."""
    frames = await resident.frames(0)
    for name, seen in zip(QUARTERS, await resident.pixels(list(QUARTERS.values())), strict=True):
        off = max(abs(here - there) for here, there in zip(seen, COLOURS[name], strict=True))
        assert off <= COLOUR_OFF_MAX, f"{name} is shown as {seen}"
    await resident.frames(frames + 5)


async def hears(resident: Resident, hz: int) -> None:
    async with asyncio.timeout(WITHIN_MS / 1000):
        while abs(await resident.heard_hz() - hz) > NEAR_HZ:
            continue


async def test_two_phones_ring_one_wins_talks_opens_and_the_other_reads_who(
    tmp_path: Path, addresses: Iterator[str], browser: Browser
) -> None:
    async with app_house(tmp_path, addresses) as here:
        anna, ben = await here.resident(browser, "101", "Anna"), await here.resident(browser, "101", "Ben")
        await both_answer(here, anna, ben)
        await one_declines(here, anna, ben)
        async with RtspCamera() as yard:
            await here.camera("Yard", yard.url)
            await one_looks_in(here, anna)
        here.block("101")
        for each in (anna, ben):
            await expect(each.button("Street")).to_have_count(0, timeout=BLOCKED_WITHIN_MS)
            await expect(each.page.get_by_role("alert")).to_contain_text("blocked")
        assert anna.complaints == ben.complaints == []


async def both_answer(here: AppHouse, anna: Resident, ben: Resident) -> None:
    since = await here.gate.dial("101")
    await asyncio.gather(anna.rung_by("Gate"), ben.rung_by("Gate"))
    await asyncio.gather(sees_the_camera(anna), sees_the_camera(ben))

    buttons = [await each.button("Answer").element_handle() for each in (anna, ben)]
    await asyncio.gather(*(button.dispatch_event("click") for button in buttons))  # also where the other was faster
    winner, loser = await won(anna, ben)
    name = "Anna" if winner is anna else "Ben"
    await expect(loser.page.get_by_text(re.compile(f"Answered by {name}"))).to_be_visible(timeout=WITHIN_MS)
    await expect(loser.button("Answer")).to_have_count(0)

    await hears(winner, DOOR_HZ)
    await sees_the_camera(winner)
    mark = here.gate.plane.events.mark()
    await winner.hold("Street")
    order = await here.gate.plane.opened(mark, 20)
    await winner.page.mouse.up()
    assert order["relays"] == ["1"]
    await expect(winner.page.get_by_text("Opened").first).to_be_visible(timeout=WITHIN_MS)
    await asyncio.sleep(1.0)
    await winner.button("Hang up").click()
    await here.gate.ended(since)
    assert tone.seconds_of(here.gate.phone.heard, VOICE_HZ) >= 1.0
    (row,) = [row for row in await here.house.site.log("--kind", "access") if row["outcome"] == "granted"]
    assert (row["method"], row["relays"]) == ("app_talk", [1])


async def one_declines(here: AppHouse, anna: Resident, ben: Resident) -> None:
    since = await here.gate.dial("101")
    await asyncio.gather(anna.rung_by("Gate"), ben.rung_by("Gate"))
    await ben.button("Decline").click()
    assert "603" in await here.gate.ended(since)
    for each in (anna, ben):
        await expect(each.button("Doors")).to_be_visible(timeout=WITHIN_MS)


async def won(*residents: Resident) -> tuple[Resident, Resident]:
    """Who talks, and the other. Fails unless exactly one does."""
    async with asyncio.timeout(WITHIN_MS / 1000):
        while not (talking := [each for each in residents if await each.page.get_by_text("Talking").is_visible()]):
            continue
    (winner,) = talking
    (loser,) = [each for each in residents if each is not winner]
    return winner, loser


async def one_looks_in(here: AppHouse, anna: Resident) -> None:
    """The picture first; she is heard at the door when she wants to be, and it opens."""
    since, mark = here.gate.phone.events.mark(), here.gate.plane.events.mark()
    await anna.button("Look: Gate").click()
    await expect(anna.page.get_by_text("It does not hear you")).to_be_visible(timeout=WITHIN_MS)
    await sees_the_camera(anna)
    await anna.button("Yard").click()
    await anna.frames(5, "video.beside")
    assert len({tuple(each) for each in await anna.pixels(list(QUARTERS.values()), "video.beside")}) > 1
    await anna.button("Talk").click()
    await expect(anna.page.get_by_text("Talking")).to_be_visible(timeout=WITHIN_MS)
    await anna.hold("Street")
    await here.gate.plane.opened(mark, 20)
    await anna.page.mouse.up()
    await asyncio.sleep(1.0)
    await anna.button("Hang up").click()
    await here.gate.ended(since)
    assert tone.seconds_of(here.gate.phone.heard, VOICE_HZ) >= 0.5


async def test_the_telephone_rings_after_a_phone_that_nobody_takes_that_declines_or_that_is_lost(
    tmp_path: Path, addresses: Iterator[str], browser: Browser
) -> None:
    """At a site where a decline ends only its own leg."""
    async with app_house(tmp_path, addresses, decline_ends_call=False) as here:
        cleo = await here.resident(browser, "102", "Cleo")
        dora = await here.resident(browser, "103", "Dora")
        await neighbours_talk(cleo, dora)
        await goes_on(here, cleo, "102", None)
        await goes_on(here, dora, "103", dora.button("Decline").click)

        async def lost() -> None:
            here.wire.cut()

        assert await goes_on(here, dora, "103", lost) < NOTICED_WITHIN_S
        assert cleo.complaints == dora.complaints == []


async def neighbours_talk(cleo: Resident, dora: Resident) -> None:
    """Cleo dials Dora's apartment; each hears the other's microphone."""
    await cleo.page.get_by_role("navigation").get_by_role("button", name="Call").click()
    await cleo.page.get_by_label("Apartment").fill("103")
    await cleo.page.get_by_label("Apartment").press("Enter")
    await dora.rung_by("Cleo Berg")
    await dora.button("Answer").click()
    for each in (cleo, dora):
        await expect(each.page.get_by_text("Talking")).to_be_visible(timeout=WITHIN_MS)
        await hears(each, VOICE_HZ)
    await dora.button("Hang up").click()
    for each in (cleo, dora):
        await expect(each.button("Doors")).to_be_visible(timeout=WITHIN_MS)


async def goes_on(
    here: AppHouse, resident: Resident, apartment: str, act: Callable[[], Awaitable[None]] | None
) -> float:
    """The app rings; after *act*, or by itself, the telephone rings and takes the call, and the visitor leaves.

    How many seconds after *act* the telephone rang.
    """
    now = asyncio.get_running_loop().time
    async with here.house.landline() as far:
        since = await here.gate.dial(apartment)
        await resident.rung_by("Gate")
        assert not far.seen("incoming")
        if act is not None:
            await act()
        began = now()
        await far.wait("incoming", 20)
        took_s = now() - began
        await here.gate.phone.event("CALL_ESTABLISHED", 20, since)
        await here.gate.phone.hang_up()
        await here.gate.ended(since)
    return took_s
