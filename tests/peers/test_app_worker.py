"""The app's worker rings while no page is open: a push becomes a notification that names nobody."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import CDPSession

from tests.peers.app_server import Phone, browser, let_in, phone

__all__ = ["browser", "phone"]  # fixtures

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

_SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map((each) => ({ title: each.title, body: each.body, tag: each.tag, data: each.data }))"""


@dataclass
class Worker:
    """Chromium's own way to hand a push to a worker: no push service is asked."""

    phone: Phone
    browser: CDPSession
    registration: str

    async def push(self, data: str) -> None:
        told = {"origin": self.phone.url, "registrationId": self.registration, "data": data}
        await self.browser.send("ServiceWorker.deliverPushMessage", told)

    async def shows(self, title: str) -> list[dict[str, Any]]:
        """All notifications, once one has *title*."""
        async with asyncio.timeout(15):
            while True:
                shown: list[dict[str, Any]] = await self.phone.page.evaluate(_SHOWN)
                if any(each["title"] == title for each in shown):
                    return shown


@pytest_asyncio.fixture(loop_scope="module")
async def worker(phone: Phone) -> AsyncIterator[Worker]:
    await phone.page.context.grant_permissions(["notifications"])
    session = await phone.page.context.new_cdp_session(phone.page)
    known: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    session.on("ServiceWorker.workerRegistrationUpdated", known.put_nowait)
    await session.send("ServiceWorker.enable")
    await let_in(phone)
    await phone.page.evaluate("async () => { await navigator.serviceWorker.ready }")
    async with asyncio.timeout(15):
        while not (found := [each for each in (await known.get())["registrations"] if not each["isDeleted"]]):
            continue
    yield Worker(phone, session, str(found[0]["registrationId"]))


async def test_a_ring_is_shown_and_says_when_it_is_over(worker: Worker) -> None:
    await worker.push(json.dumps({"v": 1, "call": "call_1", "type": "ring"}))
    (ring,) = await worker.shows("Somebody is at the door")
    assert ring == {"title": "Somebody is at the door", "body": "", "tag": "call_1", "data": "call_1"}
    await worker.push(json.dumps({"v": 1, "call": "call_1", "type": "over"}))
    (over,) = await worker.shows("The door is no longer ringing")
    assert over["tag"] == "call_1", "it takes the ring's place"


async def test_what_is_no_push_of_ours_shows_nothing(worker: Worker) -> None:
    for strange in (
        "",
        "{",
        "[]",
        "null",
        '{"v": 2, "call": "c", "type": "ring"}',
        '{"v": 1, "call": "c", "type": "open"}',
    ):
        await worker.push(strange)
    await worker.push(json.dumps({"v": 1, "call": "call_2", "type": "ring"}))
    assert [each["tag"] for each in await worker.shows("Somebody is at the door")] == ["call_2"]
