"""The residents' app in a real browser, and the small server that speaks docs/app-protocol.md to it."""

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final

import pytest_asyncio
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from playwright.async_api import Browser, Page, expect

from edge.http.server import HttpServer
from tests.loopback.http.test_server import serving
from tests.peers.app_browser import chromium

SECRET: Final = "invite-" + "x" * 40
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:;"
    " connect-src 'self'; worker-src 'self'; manifest-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'"
)
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
STATE: Final[dict[str, Any]] = {
    "resident": {"id": "r-1", "name": "Anna Berg", "language": "en", "activation": "active"},
    "community": {
        "name": "Riverside <b>House</b>",
        "time_zone": "Europe/Riga",
        "calls": True,
        "phones": [{"name": "Caretaker", "number": "+371 2000 1122"}],
        "logo": None,
        "colour": None,
    },
    "apartments": [{"id": "a-1", "name": "1/101", "service": "active"}],
    "may": {"talk": True, "history": True, "passes": True, "call_guard": True, "call_neighbours": True},
    "doors": [
        {
            "mac": "0c1105000001",
            "name": "Gate",
            "online": True,
            "look": True,
            "relays": [{"relay": "1", "name": "Yard"}],
        }
    ],
    "monitors": [
        {
            "mac": "0c1105000009",
            "name": "Hall",
            "apartment": "1/101",
            "online": True,
            "arming": True,
            "armed": False,
            "relays": [{"relay": "1", "on": True}],
        }
    ],
    "calls": [],
    "dnd": None,
    "push": {"public_key": "", "subscribed": False},
}
RING: Final = {
    "call": "call-1", "kind": "visitor", "from": "Gate", "door": {"mac": "0c1105000001", "name": "Gate"},
    "apartment": "1/101", "at_ms": 0, "until_ms": 1, "video": False, "audio": "pcmu",
    "relays": [{"relay": "1", "name": "Yard"}],
}  # fmt: skip


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class House:
    """Knows one phone by its key, and keeps what it says."""

    key: ec.EllipticCurvePublicKey | None = None
    origin: str = ""
    heard: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    socket: WebSocket | None = None
    loaded: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=lambda: STATE)
    cameras: list[dict[str, str]] = field(default_factory=list)

    def signed(self, signature: str, *lines: str) -> bool:
        raw = unpadded(signature)
        pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        assert self.key is not None
        try:
            self.key.verify(pair, "\n".join(lines).encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    async def say(self, type: str, **fields: Any) -> None:
        assert self.socket is not None
        await self.socket.send_text(json.dumps({"v": 1, "type": type, "id": f"e-{type}", **fields}))

    async def next(self, type: str) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while (message := await self.heard.get())["type"] != type:
                pass
        return message

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/app/api/invite")(self.invite)
        app.websocket("/ws")(self.talk)
        app.get("/app/api/cameras")(self.told_of_cameras)
        app.post("/app/api/cameras/{camera}")(self.shows_no_camera)
        app.get("/app/{path:path}")(self.page)
        return app

    async def page(self, path: str) -> Response:
        file = files("edge.http") / "app" / (path or "index.html")
        self.loaded.append(path)
        body = file.read_bytes()
        kind = TYPES.get(PurePosixPath(path or "index.html").suffix, "application/json")
        return Response(body, media_type=kind, headers={"Content-Security-Policy": POLICY})

    async def told_of_cameras(self) -> dict[str, Any]:
        return {"cameras": self.cameras}

    async def shows_no_camera(self, camera: str) -> Response:
        return Response(status_code=503)

    async def invite(self, request: Request) -> Response:
        told = await request.json()
        if told["secret"] != SECRET:
            return Response('{"reason":"invite"}', 403, media_type="application/json")
        self.key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpadded(told["public_key"]))
        good = self.signed(told["signature"], "intercom-edge/1/invite", self.origin, SECRET)
        return Response('{"session":"s_1"}' if good else "{}", 201 if good else 403, media_type="application/json")

    async def talk(self, socket: WebSocket) -> None:
        await socket.accept()
        self.socket = socket
        await self.say("challenge", nonce="n-1", now_ms=0)
        hello = json.loads(await socket.receive_text())
        assert self.signed(hello["signature"], "intercom-edge/1/ws", self.origin, "n-1", "s_1")
        await self.say("welcome", re=hello["id"], heartbeat_s=3, ice_servers=[], state=self.state)
        try:
            while True:
                message = json.loads(await socket.receive_text())
                if message["type"] == "ping":
                    await self.say("pong", re=message["id"])
                self.heard.put_nowait(message)
                if (answer := self.answers.get(message.get("what", message["type"]))) is not None:
                    await self.say(re=message["id"], **answer)
        except WebSocketDisconnect:
            return


@dataclass
class Phone:
    page: Page
    house: House
    url: str
    complaints: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a module, which run in one loop; each has a context of its own."""
    async with chromium() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def phone(browser: Browser, address: str) -> AsyncIterator[Phone]:
    async with an_app(browser, address) as made:
        yield made


@contextlib.asynccontextmanager
async def an_app(browser: Browser, address: str, locale: str = "en-GB") -> AsyncIterator[Phone]:
    """The app in a new context of *browser*, the server on *address*; nobody is let in yet."""
    house = House()
    server = HttpServer(house.app(), name="http", listen=(address,))
    async with serving(server):
        house.origin = f"http://{address}:{server.port}"
        page = await browser.new_page(viewport={"width": 390, "height": 844}, locale=locale)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        yield Phone(page, house, house.origin, complaints)
        await page.close()


async def let_in(phone: Phone) -> None:
    await phone.page.goto(f"{phone.url}/app/#invite={SECRET}")
    await phone.page.get_by_role("button", name="Let this phone in").click()
    await expect(phone.page.get_by_role("button", name=re.compile("Yard"))).to_be_visible()


async def hold(phone: Phone, name: str) -> None:
    button = phone.page.get_by_role("button", name=re.compile(name)).first
    box = await button.bounding_box()
    assert box is not None
    await phone.page.mouse.move(box["x"] + 20, box["y"] + 20)
    await phone.page.mouse.down()
