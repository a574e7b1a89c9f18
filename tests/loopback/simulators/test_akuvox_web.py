"""The simulated Akuvox over HTTP: its logins, one request at a time, its action URLs, its firmware."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from edge.simulators.akuvox import AkuvoxDevice
from edge.simulators.akuvox_panel import ROM_HEAD, AkuvoxPanel
from edge.simulators.akuvox_web import AkuvoxWeb, akuvox
from edge.simulators.serving import serving

FACTORY = httpx.DigestAuth("admin", "httpapi")
HOST = "127.0.0.1"


@pytest.fixture
async def panel() -> AsyncIterator[tuple[AkuvoxPanel, AkuvoxWeb, httpx.AsyncClient]]:
    device = AkuvoxDevice("0c1105000001", lambda: ("2026-11-25", "12:00:00"))
    made = AkuvoxPanel(device)
    async with akuvox(made, HOST) as (web, url), httpx.AsyncClient(base_url=url, auth=FACTORY) as client:
        yield made, web, client


async def test_it_answers_its_login_alone(panel: tuple[AkuvoxPanel, AkuvoxWeb, httpx.AsyncClient]) -> None:
    made, _, client = panel
    assert (await client.get("/api/system/info", auth=None)).status_code == 401
    assert (await client.get("/api/system/info", auth=httpx.DigestAuth("admin", "guess"))).status_code == 401
    assert (await client.get("/api/system/info")).json()["data"]["Status"]["Model"] == "R29"
    made.device.config["Config.DoorSetting.APIFCGI.AuthMode"] = "2"
    answer = await client.get("/api/system/info")
    assert (answer.status_code, "www-authenticate" in answer.headers) == (403, False)


async def test_a_second_request_meanwhile_is_turned_away() -> None:
    made = AkuvoxPanel(AkuvoxDevice("0c1105000001", lambda: ("2026-11-25", "12:00:00")))
    made.device.config["Config.DoorSetting.APIFCGI.AuthMode"] = "0"
    async with akuvox(made, HOST, think_s=0.1) as (web, url), httpx.AsyncClient(base_url=url) as client:
        answers = await asyncio.gather(client.get("/api/system/info"), client.get("/api/system/info"))
    assert sorted(answer.json()["message"] for answer in answers) == ["OK", "sytem is busy"]
    assert web.collisions == 1


async def test_it_reports_fetches_and_flashes(panel: tuple[AkuvoxPanel, AkuvoxWeb, httpx.AsyncClient]) -> None:
    made, web, client = panel
    asked: list[str] = []
    site = FastAPI()

    async def anything(path: str, request: Request) -> Response:
        asked.append(f"/{path}?{request.url.query}")
        if path.endswith(".rom"):
            return Response(ROM_HEAD + b"R29 29.30.10.99\n")
        return Response(
            f"Config.Features.ACTIONURL.Enable = 1\nConfig.Firmware.Url = {base}/a.rom\n"
            f"Config.Features.ACTIONURL.InvalidCodeEntered = {base}/hook?mac=$mac&event=InvalidCodeEntered\n"
        )

    site.add_api_route("/{path:path}", anything)
    async with serving(site, "a site", HOST) as base:
        answer = await client.post("/web/autop", json={"url": f"{base}/files/"}, auth=("admin", "admin"))
        assert answer.status_code == 200
        assert made.device.model.firmware == "29.30.10.99"
        assert not await made.type_pin("1234")
    assert asked == [
        "/files/0C1105000001.cfg?",
        "/a.rom?",
        "/hook?mac=0C1105000001&event=InvalidCodeEntered",
    ]
    await client.post("/api/config/reset_factory")
    await web.settled()
    assert made.device.config["Config.Features.ACTIONURL.Enable"] == "0"
    assert made.device.model.firmware == "29.30.10.99"
