"""Devices fetch their files from a running daemon: by a token once, then by their own login; strangers get nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from edge.demo.site import Site
from tests.peers.site import Running

GATE, HALL, STRANGER = "0c1105d00001", "0c1105d00002", "0c1105d00099"
FILE: Final = f"{GATE.upper()}.cfg"


@pytest.fixture
async def running(tmp_path: Path, addresses: Iterator[str]) -> AsyncIterator[Running]:
    site = await Site(tmp_path / "site", next(addresses)).init(settings={"mqtt": {"broker": "embedded"}})
    await site.edge("mac", "add", GATE, HALL)
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("device", "add", HALL, "--name", "Hall", "--type", "0")
    async with site.daemon(tmp_path / "serve.log") as daemon:
        yield Running(site, daemon)


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield client


async def base(running: Running) -> str:
    http = (await running.edge("status"))["http"]
    return f"http://{http['host']}:{http['port']}/provision/"


async def own_login(running: Running, mac: str, name: str) -> tuple[str, str]:
    mqtt = (await running.login(mac, name)).mqtt
    assert mqtt is not None
    return str(mqtt["user"]), str(mqtt["password"])


async def lines(running: Running, kind: str) -> list[Mapping[str, Any]]:
    """What the journal says of fetches; a row is committed before its file is served."""
    rows = await running.site.log("--kind", "device")
    return [{"door": row["door"], **row["detail"]} for row in rows if row["detail"].get("type") == kind]


async def test_a_device_fetches_once_by_its_token_and_then_by_its_login(
    running: Running, web: httpx.AsyncClient
) -> None:
    made = await running.edge("autop", "token", GATE)
    first = await web.get(made["url"] + FILE)
    assert first.status_code == 200
    sip = (await running.edge("device", "secret", GATE))["sip"]
    assert f"Config.Account1.GENERAL.Pwd = {sip['password']}" in first.text
    assert f"Config.Account1.GENERAL.UserName = {sip['user']}" in first.text
    assert "/t/" not in first.text, "what it fetches by from now on is its login"

    url, (user, password) = await base(running) + FILE, await own_login(running, GATE, "Gate")
    for auth in (httpx.BasicAuth(user, password), httpx.DigestAuth(user, password)):
        again = await web.get(url, auth=auth)
        assert (again.status_code, again.content) == (200, first.content)
    tag = first.headers["etag"]
    same = await web.get(url, auth=(user, password), headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")

    (row, *_) = fetches = await lines(running, "fetch")
    assert [each["status"] for each in fetches] == [200, 200, 200, 304]
    assert (row["file"], row["door"]) == (FILE, "Gate")
    (state,) = (await running.edge("autop", "diff", GATE))["files"]
    assert state["state"] == "same"
    await running.edge("device", "set", GATE, "--name", "Front")
    (state,) = (await running.edge("autop", "diff", GATE))["files"]
    assert "+Config.Account1.GENERAL.Label = Front" in state["lines"]


async def test_a_token_is_for_one_address_and_one_device(running: Running, web: httpx.AsyncClient) -> None:
    made = await running.edge("autop", "token", GATE)
    assert (await web.get(made["url"] + FILE)).status_code == 200
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.77")
    async with httpx.AsyncClient(transport=elsewhere) as another:
        assert (await another.get(made["url"] + FILE)).status_code == 401
    assert (await web.get(made["url"] + f"{HALL.upper()}.cfg")).status_code == 404
    newer = await running.edge("autop", "token", GATE)
    assert (await web.get(made["url"] + FILE)).status_code == 401, "a newer token makes the older one void"
    await running.edge("device", "set", GATE, "--enabled", "no")
    assert await refused(web, newer["url"] + FILE), "a disabled device gets nothing"


async def refused(web: httpx.AsyncClient, url: str) -> bool:
    """Within the second in which a change comes into force."""
    async with asyncio.timeout(10):
        while True:
            if (await web.get(url)).status_code == 401:
                return True
            await asyncio.sleep(0.05)  # it may fetch no oftener than so anyway


async def test_a_kept_line_comes_with_every_fetch_until_it_is_taken_back(
    running: Running, web: httpx.AsyncClient
) -> None:
    url, login = await base(running) + FILE, await own_login(running, GATE, "Gate")
    line = "Config.Settings.OTHERS.GreetMsg = Hello"
    typed = f"{line}\n{line}\nConfig.Account1.GENERAL.Enable = 0\n"
    kept = await running.edge("autop", "line", "add", "-", "--all", stdin=typed)
    assert kept == {"kept": 2, "dropped": 0}
    assert (await running.edge("autop", "line", "add", line, "--all")) == {"kept": 0, "dropped": 1}
    shown = await running.edge("autop", "render", GATE)
    assert "Hello" not in shown["files"][FILE]
    assert shown["without_effect"] == ["Config.Account1.GENERAL.Enable"]
    fetched = (await web.get(url, auth=login)).text
    assert fetched.count(line) == 1
    assert "Config.Account1.GENERAL.Enable = 1" in fetched, "what the edge sets is the edge's"
    assert await running.edge("autop", "line", "remove", "--all") == {"forgotten": 2}
    assert line not in (await web.get(url, auth=login)).text


async def test_strangers_get_the_same_answer_and_leave_a_line(running: Running, web: httpx.AsyncClient) -> None:
    url, (user, password) = await base(running), await own_login(running, GATE, "Gate")
    asked = [
        await web.get(url + f"{STRANGER}.cfg"),
        await web.get(url + FILE),
        await web.get(url + FILE, auth=(user, "wrong")),
        await web.get(url + FILE, auth=(STRANGER, "wrong")),
        await web.get(url + f"t/{'x' * 43}/" + FILE),
        await web.get(url + "nothing/of/ours"),
    ]
    assert {(answer.status_code, answer.content) for answer in asked} == {(401, b"a device's login is needed\n")}
    assert len({len(answer.headers.get_list("www-authenticate")) for answer in asked}) == 1
    told = {row["mac"]: row["why"] for row in await lines(running, "fetch_refused")}
    assert told[STRANGER] == "no device of this site has this MAC"
    assert told[GATE] == "without its login or a token"
    assert (await web.get(url + f"{HALL.upper()}.cfg", auth=(user, password))).status_code == 404


async def test_one_device_that_never_stops_is_slowed_down(running: Running, web: httpx.AsyncClient) -> None:
    url, login = await base(running) + FILE, await own_login(running, GATE, "Gate")
    answers = [(await web.get(url, auth=login)).status_code for _ in range(40)]
    assert answers[:20] == [200] * 20
    assert answers[-1] == 429


async def test_no_secret_is_shown_unless_it_is_asked_for(running: Running) -> None:
    secret = await running.edge("device", "secret", GATE)
    masked = await running.edge("autop", "render", GATE)
    whole = await running.edge("autop", "render", GATE, "--secrets")
    assert masked["driver"] == whole["driver"] == "akuvox"
    for password in (secret["sip"]["password"], secret["mqtt"]["password"]):
        assert password not in masked["files"][FILE]
        assert password in whole["files"][FILE]
