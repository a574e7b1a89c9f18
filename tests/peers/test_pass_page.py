"""A visitor's link in a real browser: the code is drawn there, and sent nowhere."""

import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import segno
from playwright.async_api import Page, async_playwright

from edge.http.api import make_app
from edge.http.server import HttpServer
from tests.loopback.http.test_server import TOKEN, FakeDaemon, serving

pytestmark = pytest.mark.peer("chromium")

SIZE, QUIET, DATA_WORDS = 29, 4, 44  # version 3
HOLDS_42 = "Xy7-_" * 8 + "Zq"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield await browser.new_page()
        await browser.close()


async def modules(page: Page) -> list[list[bool]]:
    """The dark modules of what the page shows."""
    drawn = await page.locator("svg path").get_attribute("d") or ""
    dark = {(int(y) - QUIET, int(x) - QUIET) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn)}
    return [[(row, column) in dark for column in range(SIZE)] for row in range(SIZE)]


def holds_data(row: int, column: int) -> bool:
    corner = (row < 9 and (column < 9 or column >= SIZE - 8)) or (row >= SIZE - 8 and column < 9)
    return not (corner or 6 in (row, column) or (20 <= row <= 24 and 20 <= column <= 24))


def bits(grid: list[list[bool]]) -> Iterator[int]:
    """Data as ISO/IEC 18004 places it, mask 0 taken off."""
    upward = True
    for right in (28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 5, 3, 1):
        for row in reversed(range(SIZE)) if upward else range(SIZE):
            for column in (right, right - 1):
                if holds_data(row, column):
                    yield int(grid[row][column] != ((row + column) % 2 == 0))
        upward = not upward


def read(grid: list[list[bool]]) -> str:
    stream = "".join(map(str, bits(grid)))
    assert stream.startswith("0100"), "byte mode"
    length = int(stream[4:12], 2)
    found = bytes(int(stream[at : at + 8], 2) for at in range(12, 12 + 8 * length, 8))
    after = 12 + 8 * length
    assert stream[after : after + 4] == "0000"
    pads = [int(stream[at : at + 8], 2) for at in range(after + 4, 8 * DATA_WORDS, 8)]
    assert pads == [0xEC, 0x11] * (len(pads) // 2) + [0xEC] * (len(pads) % 2)
    return found.decode()


async def test_a_visitors_link_shows_the_code_and_sends_it_nowhere(page: Page, address: str) -> None:
    code = secrets.token_urlsafe(16)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers} {request.post_data}"))
    server = HttpServer(make_app(FakeDaemon(), TOKEN), name="http", listen=(address,))
    async with serving(server):
        here = f"http://{address}:{server.port}/pass"
        await page.goto(f"{here}#{code}")
        assert read(await modules(page)) == code
        assert "Show this code" in await page.locator("#words").inner_text()

        await page.evaluate("code => { location.hash = code }", HOLDS_42)
        await page.wait_for_function("document.querySelectorAll('svg').length === 1")
        same = segno.make(HOLDS_42, error="m", version=3, mask=0, mode="byte", boost_error=False)
        await page.wait_for_function("location.hash.length > 40")
        assert await modules(page) == [[bool(module) for module in row] for row in same.matrix]

        await page.evaluate("code => { location.hash = code }", HOLDS_42 + "!")
        await page.get_by_text("not complete").wait_for()
        assert await page.locator("svg").count() == 0
        await page.goto("about:blank")
        await page.goto(here)
        assert "whole link" in await page.locator("#words").inner_text()
    assert {line.split()[0].partition("#")[0] for line in sent if address in line} == {here, f"{here}.mjs"}
    assert not any(code in line.replace(f"{here}#{code}", "") for line in sent)
