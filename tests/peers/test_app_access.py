"""Nobody is kept out of the app: axe-core finds no serious fault on any screen, and a keyboard is enough."""

from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.peers.app_server import RING, SECRET, STATE, Phone, browser, let_in, phone

__all__ = ["browser", "phone"]  # fixtures

pytestmark = [pytest.mark.peer("chromium", "node"), pytest.mark.asyncio(loop_scope="module")]

GRAVE: Final = ("serious", "critical")
_FAULTS: Final = """async (grave) => {
  const told = await axe.run(document, { resultTypes: ["violations"] });
  return told.violations.filter((each) => grave.includes(each.impact))
    .map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html).join(" | ").slice(0, 600)}`);
}"""
HISTORY: Final = {
    "calls": [
        {"id": "c-1", "at_ms": 1_795_000_000_000, "from": "Gate", "apartment": "1/101", "outcome": "answered",
         "answered_by": "Anna Berg", "opened": [1], "duration_s": 34},
        {"id": "c-2", "at_ms": 1_794_000_000_000, "from": "Gate", "apartment": "1/101", "outcome": "no_answer",
         "answered_by": None, "opened": [], "duration_s": 0},
    ],
    "openings": [
        {"at_ms": 1_795_000_000_000, "door": "Gate", "method": "app_talk", "outcome": "granted", "reason": "granted",
         "who": "Anna Berg"},
        {"at_ms": 1_793_000_000_000, "door": "Gate", "method": "pin", "outcome": "refused",
         "reason": "outside_schedule", "who": None},
    ],
}  # fmt: skip
PASS: Final = {
    "id": "k-1", "name": "Plumber", "purpose": "visitor", "kind": "qr", "apartment": "1/101", "from": None,
    "until": "2026-12-01T18:00:00+02:00", "uses_left": 2, "by": "resident", "state": "valid",
}  # fmt: skip
BLOCKED: Final[dict[str, Any]] = {
    **STATE,
    "apartments": [{**STATE["apartments"][0], "service": "blocked"}],
    "doors": [{**STATE["doors"][0], "online": False}],
}


class Judge:
    """axe-core in the page, put there past its policy by the browser itself: the app never serves it."""

    def __init__(self, page: Page, axe: str) -> None:
        self._page, self._axe = page, axe
        self.faults: list[str] = []

    async def look(self, screen: str) -> None:
        """At the screen that shows now, light and dark."""
        for theme in ("light", "dark"):
            await self._page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]  # a str
            await self._page.evaluate(f"() => {{ {self._axe} }}")
            found: list[str] = await self._page.evaluate(_FAULTS, list(GRAVE))
            self.faults += [f"{screen}, {theme}: {fault}" for fault in found]


@pytest.fixture
def judge(phone: Phone, app_source: Path) -> Judge:
    return Judge(phone.page, (app_source / "node_modules" / "axe-core" / "axe.min.js").read_text())


async def test_no_page_has_a_serious_fault(phone: Phone, judge: Judge) -> None:
    page, house = phone.page, phone.house
    house.answers["history"] = {"type": "told", "data": HISTORY}
    house.answers["passes"] = {"type": "told", "data": {"passes": [PASS, {**PASS, "state": "over"}]}}
    house.answers["pass_add"] = {"type": "told", "data": {"id": "k-2", "value": "481516", "text": "Code 481516"}}
    await page.goto(f"{phone.url}/app/")
    await expect(page.get_by_text("not let in")).to_be_visible()
    await judge.look("nobody")
    await page.goto(f"{phone.url}/app/#invite=used")
    await page.get_by_role("button", name="Let this phone in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await judge.look("invitation")
    await let_in(phone)
    await judge.look("doors")
    await house.say("state", state={**BLOCKED, "dnd": {"from": "22:00", "until": "07:00"}})
    await expect(page.get_by_role("alert")).to_be_visible()
    await judge.look("doors of a blocked apartment")
    await house.say("state", state={**STATE, "dnd": {"from": "22:00", "until": "07:00"}})
    for name in ("Call", "History", "Settings", "Visitors"):
        await page.get_by_role("navigation").get_by_role("button", name=name).click()
        await expect(page.locator("[aria-busy]")).to_have_count(0)
        await judge.look(name)
    await page.get_by_label("For whom").fill("Plumber")
    await page.get_by_role("button", name="Make the pass").click()
    await expect(page.get_by_role("img")).to_be_visible()
    await judge.look("a pass that was made")
    assert judge.faults == []
    await page.evaluate("() => document.querySelector('main').append(document.createElement('button'))")
    await judge.look("a button without a name")
    assert len(judge.faults) == 2, "a fault would have been found"


async def test_no_call_has_a_serious_fault(phone: Phone, judge: Judge) -> None:
    page, house = phone.page, phone.house
    house.cameras = [{"id": "c-1", "name": "Back yard", "door": "0c1105000001"}]
    await let_in(phone)
    await house.say("ring", **{**RING, "video": True})
    await expect(page.get_by_role("button", name="Back yard")).to_be_visible()
    await judge.look("a ring")
    await house.say("won", call="call-1")
    await expect(page.get_by_text("Talking")).to_be_visible()
    await judge.look("talking")
    await house.say("ended", call="call-1", reason="visitor")
    house.answers["dial"] = {"type": "dialled", "call": "call-2", "kind": "look", "to": "Gate", "door": RING["door"]}
    await page.get_by_role("button", name="Look: Gate").click()
    await expect(page.get_by_text("Calling")).to_be_visible()
    await judge.look("calling")
    await house.say("connected", call="call-2", by="Gate", video=True, relays=RING["relays"], talk=False)
    await expect(page.get_by_role("button", name="Talk")).to_be_visible()
    await judge.look("looking in")
    assert house.socket is not None
    house.state = {**STATE, "calls": []}
    await house.socket.close(1012)
    await expect(page.get_by_text("No connection to the house")).to_be_visible()
    await judge.look("no connection")
    assert judge.faults == []


async def reach(page: Page, name: str) -> None:
    """Go on by Tab until the button of this name has the focus, and see where it is."""
    said = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"
    for _ in range(30):
        await page.keyboard.press("Tab")
        if str(await page.evaluate(said)).startswith(name):
            ring = "() => getComputedStyle(document.activeElement).outlineWidth"
            assert await page.evaluate(ring) == "3px", f"it cannot be seen that {name} has the focus"
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


async def test_a_keyboard_is_enough(phone: Phone) -> None:
    page, house = phone.page, phone.house
    house.answers["open"] = {"type": "opened", "relay": "1"}
    house.answers["passes"] = {"type": "told", "data": {"passes": []}}
    await page.goto(f"{phone.url}/app/#invite={SECRET}")
    await reach(page, "Let this phone in")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Doors")).to_be_visible()
    await reach(page, "Yard")
    await page.keyboard.press("Space")
    assert (await house.next("open"))["relay"] == "1"
    await reach(page, "Visitors")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("For whom")).to_be_visible()
    await page.get_by_label("For whom").focus()
    await page.keyboard.type("Plum")
    await house.say("ring", **RING)
    await expect(page.get_by_role("heading", name="Gate")).to_be_focused()
    await page.keyboard.type("ber ")
    await page.keyboard.press("Enter")
    await reach(page, "Answer")
    await page.keyboard.press("Enter")
    first = [(await house.heard.get())["type"] for _ in range(house.heard.qsize())]
    assert "decline" not in first, "who was typing has not declined"
    if "answer" not in first:
        await house.next("answer")
    await house.say("won", call="call-1")
    await expect(page.get_by_text("Talking")).to_be_visible()
    await reach(page, "Hang up")
    await page.keyboard.press("Enter")
    await house.next("hangup")
