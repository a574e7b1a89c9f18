"""A device's web page from afar: by one key once, to the device alone, for a time, with two rows in the log."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from edge.demo.site import Site
from edge.http.server import HttpServer
from tests.peers.site import Running

GATE: Final = "0c1105d30001"
WITHIN_S: Final = 30.0


async def page(scope: Any, receive: Any, send: Any) -> None:
    """The device's own web server: it says what it was asked."""
    request = Request(scope, receive)
    answer: Response
    if request.url.path == "/away":
        answer = RedirectResponse("http://198.51.100.9/", 302)
    elif request.url.path == "/login":
        answer = RedirectResponse(str(request.url.replace(path="/home", query="a=1")), 302)
        answer.set_cookie("session", "of-the-device")
    else:
        body = (await request.body()).decode()
        told = {"method": request.method, "path": scope["raw_path"].decode(), "query": request.url.query, "body": body}
        answer = JSONResponse({**told, "headers": dict(request.headers)})
    await answer(scope, receive, send)


@dataclass
class Here:
    running: Running
    device: str  # host:port

    async def open(self, *options: str, expect: int = 0) -> Any:
        port = self.device.rpartition(":")[2]
        return await self.running.edge("device", "web", "Gate", "--port", port, *options, expect=expect)

    async def audit(self) -> list[dict[str, Any]]:
        rows = await self.running.site.log("--kind", "audit")
        return [row["detail"] for row in rows if str(row["detail"].get("action", "")).startswith("device web_")]


@asynccontextmanager
async def served(address: str) -> AsyncIterator[int]:
    server = HttpServer(page, name="device", listen=(address,))
    await server.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        yield server.port
        running.cancel()
    await server.stop()


@pytest.fixture
async def here(tmp_path: Path, addresses: Iterator[str]) -> AsyncIterator[Here]:
    site, device = Site(tmp_path / "site", next(addresses)), next(addresses)
    async with served(device) as port:
        settings = {"mqtt": {"broker": "embedded"}, "device_web": {"networks": ["127.0.0.0/8"], "ports": [port]}}
        await site.init(settings=settings)
        await site.edge("mac", "add", GATE)
        await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0", "--static-address", device)
        async with site.daemon(tmp_path / "serve.log") as daemon:
            yield Here(Running(site, daemon), f"{device}:{port}")


async def test_a_browser_with_the_key_sees_the_device_and_nobody_else_does(here: Here) -> None:
    url = str((await here.open())["url"])
    base = url.partition("/?")[0]
    async with httpx.AsyncClient(base_url=base, trust_env=False) as browser, httpx.AsyncClient(base_url=base) as other:
        assert urlsplit(url).hostname == "127.0.0.1"
        assert (await browser.get("/")).status_code == 403
        assert (await other.get("/?edge-key=wrong")).status_code == 403
        assert (await browser.get(url)).headers["location"] == "/"
        assert (await other.get(url)).status_code == 403, "the key opens once"
        assert (await other.get("/")).status_code == 403
        told = (await browser.post("/a%2Fb/../c?x=1&y=%20", content=b"hello", headers={"Origin": base})).json()
        assert (told["method"], told["body"], told["query"]) == ("POST", "hello", "x=1&y=%20")
        assert told["headers"]["host"] == here.device
        assert told["headers"]["origin"] == f"http://{here.device}"
        assert "edge-device-web" not in str(told), "the device never sees what opens the way to it"
        moved = await browser.get("/login")
        assert moved.headers["location"] == "/home?a=1"
        assert (await browser.get("/home")).json()["headers"]["cookie"] == "session=of-the-device"
    closed = await here.open("--close")
    assert closed == {"ok": True}
    opened, ended = await rows(here, 2)
    assert (opened["action"], opened["by"], opened["target"]) == (
        "device web_open", "installer", f"http://{here.device}"
    )  # fmt: skip
    assert (ended["action"], ended["why"], ended["requests"]) == ("device web_close", "closed", 3)
    assert url.partition("=")[2] not in str(await here.running.site.log()), "the key is in no log"


async def rows(here: Here, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if len(found := await here.audit()) >= count:
                return found
            await asyncio.sleep(0.1)


async def test_it_leads_to_the_device_and_nowhere_else(here: Here) -> None:
    url = str((await here.open())["url"])
    at = urlsplit(url)
    async with httpx.AsyncClient(base_url=f"http://{at.netloc}", trust_env=False) as browser:
        await browser.get(url)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        assert (await browser.get("/away")).status_code == 502
        assert (await browser.get("/", headers={"Host": "evil.example"})).status_code == 421
        assert (await browser.post("/", headers={"Origin": "http://evil.example"})).status_code == 403
    other = f"GET http://{here.running.site.address}:1/x HTTP/1.1\r\nHost: {at.netloc}\r\nCookie: {cookie}\r\n"
    answer = await raw(at.port or 0, f"{other}Connection: close\r\n\r\n".encode())
    assert f'"host":"{here.device}"'.encode() in answer, "an address in a request is no target"
    await here.running.edge("device", "set", "Gate", "--static-address", here.running.site.address)
    await here.open("--close")
    refused = await here.open(expect=3)
    assert refused is None
    assert len(await rows(here, 2)) == 2, "what was refused opened nothing"


async def raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_end_of_the_edge_is_its_end(here: Here) -> None:
    await here.open()
    await here.running.daemon.stop()
    opened, ended = await here.audit()
    assert (ended["action"], ended["why"]) == ("device web_close", "the edge ended")
    assert opened["target"] == ended["target"]


async def test_it_closes_by_itself_when_its_time_is_over(here: Here) -> None:
    url = urlsplit(str((await here.open("--minutes", "0.05"))["url"]))
    opened, ended = await rows(here, 2)
    assert opened["minutes"] == 0.05
    assert (ended["action"], ended["why"]) == ("device web_close", "its time was over")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", url.port or 0)) != 0
