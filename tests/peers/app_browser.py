"""A resident's phone in tests: Chromium with the app, what it shows and hears, and its Wi-Fi, which can be cut.

async with chromium(voice=tone.make(folder / "voice.wav", 700)) as browser:
    anna = await Resident.enter(browser, origin, secret)
    await anna.rung_by("Gate")
"""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

WITHIN_MS: Final = 20_000
PHONE: Final = (390, 844)

_SEEN: Final = """([places, which]) => {
  const picture = document.querySelector(which);
  if (!picture || picture.readyState < 2) return null;
  const canvas = new OffscreenCanvas(picture.videoWidth, picture.videoHeight);
  const paint = canvas.getContext("2d");
  paint.drawImage(picture, 0, 0);
  return places.map(([x, y]) => [...paint.getImageData(x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3)]);
}"""
_FRAMES: Final = """([more, which]) => {
  const shown = document.querySelector(which)?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
  return shown > more ? shown : null;
}"""
_PEAK_HZ: Final = """async () => {
  const sound = document.querySelector("video")?.srcObject;
  if (!sound?.getAudioTracks().length) return 0;
  const context = (window.hears ??= new AudioContext());
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(sound).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const peaks = [];
  while (peaks.length < 5) {
    await new Promise((then) => setTimeout(then, 150));
    analyser.getFloatFrequencyData(bins);
    const loudest = bins.indexOf(Math.max(...bins));
    peaks.push(bins[loudest] > -60 ? Math.round(loudest * context.sampleRate / analyser.fftSize) : 0);
  }
  return peaks.sort((a, b) => a - b)[2];
}"""


@contextlib.asynccontextmanager
async def chromium(voice: Path | None = None) -> AsyncIterator[Browser]:
    """Debian's Chromium; its microphone says *voice* (a wav file, again and again), else beeps."""
    flags = [
        "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
    ]  # fmt: skip
    if voice is not None:
        flags.append(f"--use-file-for-fake-audio-capture={voice}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Resident:
    """One resident's app in a context of its own: own key, own storage, own worker."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def enter(cls, browser: Browser, origin: str, secret: str, **context: Any) -> "Resident":
        """Open the invitation's link and let this phone in; the list of doors shows when it returns."""
        width, height = PHONE
        settings = {"viewport": {"width": width, "height": height}, "locale": "en-GB", **context}
        made = await browser.new_context(**settings)
        resident = cls(await made.new_page())
        resident.page.set_default_timeout(WITHIN_MS)
        resident.page.on("pageerror", lambda error: resident.complaints.append(str(error)))
        resident.page.on(
            "console", lambda line: resident.complaints.append(line.text) if "Content Security" in line.text else None
        )
        await resident.page.goto(f"{origin}/app/#invite={secret}")
        await resident.button("Let this phone in").click()
        await expect(resident.button("Doors")).to_be_visible(timeout=WITHIN_MS)
        return resident

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(name)).first

    async def rung_by(self, door: str) -> None:
        await expect(self.page.get_by_role("heading", name=door)).to_be_visible(timeout=WITHIN_MS)
        await expect(self.button("Answer")).to_be_visible(timeout=WITHIN_MS)

    async def hold(self, name: str) -> None:
        """Press the button and keep the finger on it; `page.mouse.up` ends it."""
        box = await self.button(name).bounding_box()
        assert box is not None
        await self.page.mouse.move(box["x"] + 20, box["y"] + 20)
        await self.page.mouse.down()

    async def pixels(self, places: Sequence[tuple[float, float]], which: str = "video") -> list[list[int]]:
        """Red, green and blue of the picture at *places*, each as shares of width and height, once there is one."""
        found: list[list[int]] = await self.told(_SEEN, [[list(place) for place in places], which])
        return found

    async def frames(self, more_than: int, which: str = "video") -> int:
        """How many pictures were shown, once they are more than *more_than*."""
        return int(await self.told(_FRAMES, [more_than, which]))

    async def told(self, function: str, given: object) -> Any:
        """What *function* of the page says of *given*, once that is not null. The page's policy forbids it to poll."""
        async with asyncio.timeout(WITHIN_MS / 1000):
            while (found := await self.page.evaluate(function, given)) is None:  # noqa: ASYNC110 - pixels have no event
                await asyncio.sleep(0.1)
        return found

    async def heard_hz(self) -> int:
        """The loudest tone in what the page gets; 0 for silence. The median of five looks, 12 Hz wide."""
        return int(await self.page.evaluate(_PEAK_HZ))

    async def leave(self) -> None:
        await self.page.context.close()


class Wire:
    """A way to the house that can be cut: TCP passes until `cut`, and then nothing, not even an end.

    The app is opened at its address, so *public_url* of the site is that.
    """

    def __init__(self, host: str, port: int, target: tuple[str, int]) -> None:
        self._host, self._port, self._target = host, port, target
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Wire":
        self._server = await asyncio.start_server(self._pass, self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._whole.set()
        for writer in self._open:
            writer.close()

    def cut(self) -> None:
        self._whole.clear()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        self._open |= {writer, back}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._one_way(reader, back))
            group.create_task(self._one_way(there, writer))

    async def _one_way(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # either side may be gone
            while piece := await source.read(65_536):
                await self._whole.wait()
                to.write(piece)
                await to.drain()
        to.close()
