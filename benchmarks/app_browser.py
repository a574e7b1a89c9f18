"""From the ring to the picture in the app itself: the page in Chromium, rung by a door through the whole daemon.

python -m benchmarks.app_browser [--calls 5]

The page is looked at from outside: its WebSocket says when the ring came, its video when a picture was painted. Needs
Debian's Chromium; without it this says so.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.app_lab.door import VideoDoor
from benchmarks.app_lab.house import ahead, family, furnish
from benchmarks.app_lab.pictures import record
from benchmarks.app_lab.source import PORT, Source
from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock

WITHIN_S: Final = 20.0
FLAGS: Final = (
    "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
)  # fmt: skip
WATCH: Final = """
  window.rang = 0; window.painted = 0;
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (JSON.parse(data).type === "ring") { window.rang = performance.now(); window.painted = 0; }
      });
    }
  };
  const seen = new WeakSet();
  new MutationObserver(() => {
    for (const video of document.querySelectorAll("video")) {
      if (seen.has(video)) continue;
      seen.add(video);
      const painted = () => {
        if (!window.painted) window.painted = performance.now();
        if (video.isConnected) video.requestVideoFrameCallback(painted);
      };
      video.requestVideoFrameCallback(painted);
    }
  }).observe(document, { subtree: true, childList: true });
"""
SHOWN: Final = "() => window.painted && window.rang ? window.painted - window.rang : null"


async def ring(page: Any, door: VideoDoor) -> float:
    """Seconds from the ring to the first picture painted."""
    await page.evaluate("() => { window.rang = 0; window.painted = 0; }")
    call = await door.call("101")
    async with asyncio.timeout(WITHIN_S):
        while (took_ms := await page.evaluate(SHOWN)) is None:  # noqa: ASYNC110 - the page has no event for us
            await asyncio.sleep(0.05)
    await door.hang_up(call)
    await page.locator("video").wait_for(state="detached")
    return float(took_ms) / 1000


async def measure(block: AddressBlock, chromium: str, calls: int) -> list[float]:
    from playwright.async_api import async_playwright

    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        site = Site(Path(folder) / "site", block.address())
        house = await furnish(site, doors=1, flats=1)
        daemon = await stack.enter_async_context(Daemon(site))
        host = block.address()
        source = await stack.enter_async_context(Source(record(), [(host, PORT)]))
        door = await VideoDoor(host, house.doors[0], source, 0).start()
        stack.callback(door.close)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        stack.push_async_callback(browser.close)
        page = await browser.new_page(viewport={"width": 390, "height": 844}, locale="en-GB")
        await page.add_init_script(WATCH)
        await page.goto(house.link)
        await page.get_by_role("button", name="Let this phone in").click()
        await page.get_by_role("button", name="Doors").first.wait_for()
        ahead([daemon.pid or 0, source.pid, *family(os.getpid())])
        return [await ring(page, door) for _ in range(calls)]


def main(calls: int) -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is missing: apt-get install chromium")
        return 0
    with AddressBlock.claim() as block:
        took = asyncio.run(measure(block, chromium, calls))
    print("| what | wanted | p50 | worst |\n|---|---|---|---|")
    shown = f"{statistics.median(took) * 1e3:.0f} ms | {max(took) * 1e3:.0f} ms"
    print(f"| ring at the page in Chromium to a picture painted, {calls} calls | < 500 ms | {shown} |")
    return 0


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=5)
    sys.exit(main(options.parse_args().calls))
