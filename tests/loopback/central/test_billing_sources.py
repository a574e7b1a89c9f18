"""A billing system of LANBilling's shape on a real socket: asked every few seconds, obeyed item by item."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from edge.central import lanbilling
from edge.central.tables import audit
from tests.loopback.central.lab import Lab, furniture, new_central, serving
from tests.loopback.central.test_business import logins, service, things
from tests.loopback.central.web import Answer, Asked, Web, web
from tests.loopback.sync.lab import Edge, until
from tests.unit.edge.central.test_lanbilling import vgroup


class LanBilling:
    """The fake: `vgroups` is what it shows, a page at a time; `heard` the results that were posted to it."""

    def __init__(self, served: Web) -> None:
        self.served = served
        self.vgroups: list[Any] = []
        self.heard: list[dict[str, Any]] = []
        self.status = 200

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Bearer s3cret":
            return Answer(status=401)
        if self.status != 200:
            return Answer(b"{}", status=self.status)
        if asked.method == "POST":
            self.heard += json.loads(asked.body)["results"]
            return Answer(status=204)
        query = parse_qs(urlsplit(asked.path).query)
        number, size = int(query["pgnum"][0]), int(query["pgsize"][0])
        rows = self.vgroups[(number - 1) * size : number * size]
        body = json.dumps({"vgroups": rows, "total": len(self.vgroups)}).encode()
        tag = f'"{hash(body)}"'
        if asked.headers.get("if-none-match") == tag:
            return Answer(status=304, headers={"ETag": tag})
        return Answer(body, headers={"ETag": tag})


@pytest.fixture
async def billing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LanBilling]:
    monkeypatch.setattr(lanbilling, "MAX_VGROUPS_A_PAGE", 3)
    async with web() as served:
        fake = LanBilling(served)
        served.anything = fake.answer
        yield fake


@pytest.fixture
async def lab(tmp_path: Path, billing: LanBilling) -> AsyncIterator[Lab]:
    folder = new_central(tmp_path / "central")
    settings = folder / "central.toml"
    allowed = f'[billing]\nhosts = ["{billing.served.authority}"]'
    settings.write_text(settings.read_text().replace("[billing]\nhosts = []", allowed))
    async with serving(folder) as running:
        yield running


async def source(lab: Lab, billing: LanBilling, **more: Any) -> str:
    path = f"/v1/billing/{lab.community}"
    told = {"url": f"http://{billing.served.authority}/api?db=1", "service": "Intercom",
            "authorization": "Bearer s3cret", **more}  # fmt: skip
    await lab.ask("PUT", f"{path}/source", told)
    return path


async def pull(lab: Lab, path: str, **more: Any) -> list[str]:
    return [each["result"] for each in (await lab.ask("POST", f"{path}/pull", more))["accounts"]]


def neighbours(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        vgroup(vgid=n, addons={"isvyaz_login": f"c-{n}"}, address={"building": "1", "flat": str(200 + n)}, **more)
        for n in range(count)
    ]  # fmt: skip


async def houses(lab: Lab, count: int) -> None:
    flats = (("apartment", f"a-2{n}", {"building": "b-1", "number": str(200 + n)}) for n in range(count))
    await lab.change(*furniture(0), *flats)


async def test_it_is_asked_by_itself_and_the_edge_follows(edge: Edge, lab: Lab, billing: LanBilling) -> None:
    await lab.change(*furniture(0))
    await lab.join(edge)
    await source(lab, billing)
    async with edge.following():
        for state, wanted in ((0, "ACTIVE"), (10, "OFF")):
            billing.vgroups = [vgroup(blocked=state)]
            began = asyncio.get_running_loop().time()
            people = [] if state == 10 else ["client-7"]
            await until(lambda: (service(edge), logins(edge)) == (f"ServiceState.{wanted}", people))  # noqa: B023  # awaited at once
            assert asyncio.get_running_loop().time() - began < 15


async def test_every_account_has_its_own_result_and_the_billing_system_hears_it(lab: Lab, billing: LanBilling) -> None:
    await houses(lab, 2)
    path = await source(lab, billing, report=True)
    billing.vgroups = [
        *neighbours(2), {"vgid": "x"}, vgroup(vgid=8, address={"building": "1", "flat": "999"}),
        vgroup(vgid=9, addons={"isvyaz_login": "a\0"}),
    ]  # fmt: skip
    assert await pull(lab, path) == ["processed", "processed", "invalid", "not_found", "invalid"]
    assert [each["result"] for each in billing.heard] == ["processed", "processed", "invalid", "not_found", "invalid"]
    outcome = (await lab.ask("GET", f"{path}/source"))["outcome"]
    assert (outcome["processed"], outcome["invalid"], outcome["not_found"]) == (2, 2, 1)
    assert [each["id"] for each in outcome["problems"]] == ["x", "8", "9"]
    assert all(each["reason"] for each in outcome["problems"])
    assert len(await things(lab, "resident")) == 2
    assert "s3cret" not in json.dumps(await lab.ask("GET", f"{path}/source"))


async def test_a_short_list_leaves_the_others_and_nothing_new_is_nothing_done(lab: Lab, billing: LanBilling) -> None:
    await houses(lab, 7)
    path = await source(lab, billing)
    billing.vgroups = neighbours(7)
    once = lab.serving.billing.once
    await once()
    rev = lab.rev()
    assert len(await things(lab, "resident")) == 7
    billing.vgroups = billing.vgroups[:1]
    await once()
    billing.vgroups = []
    await once()
    await once()
    assert len(await things(lab, "resident")) == 7
    assert lab.rev() == rev
    assert await pull(lab, path) == []


async def test_most_accounts_stop_at_a_word_only(lab: Lab, billing: LanBilling) -> None:
    await houses(lab, 4)
    path = await source(lab, billing)
    billing.vgroups = neighbours(4)
    await pull(lab, path)
    billing.vgroups = neighbours(4, blocked=4)
    await lab.serving.billing.once()
    assert (await lab.ask("POST", f"{path}/pull", {}, expect=409))["error"]["reason"] == "guard"
    assert (await lab.ask("GET", f"{path}/source"))["outcome"]["reason"] == "guard"
    states = {body.get("service") for body in (await things(lab, "apartment")).values()}
    assert "blocked" not in states
    assert await pull(lab, path, confirm=True, dry_run=True) == ["updated"] * 4
    assert "blocked" not in {body.get("service") for body in (await things(lab, "apartment")).values()}
    assert await pull(lab, path, confirm=True) == ["updated"] * 4
    assert sum(body.get("service") == "blocked" for body in (await things(lab, "apartment")).values()) == 4


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_one_that_fails_changes_nothing_and_is_asked_less_often(
    lab: Lab, billing: LanBilling, status: int
) -> None:
    await houses(lab, 1)
    path = await source(lab, billing)
    billing.vgroups = neighbours(1)
    await pull(lab, path)
    billing.status = status
    await lab.serving.billing.once()
    asked = len(billing.served.asked)
    await lab.serving.billing.once()
    assert len(billing.served.asked) == asked, "it is left alone for some seconds"
    assert (await lab.ask("GET", f"{path}/source"))["outcome"]["reason"] == "status"
    assert len(await things(lab, "resident")) == 1
    billing.status = 200
    assert await pull(lab, path) == ["processed"]
    with lab.central.store.read() as connection:
        rows = connection.execute(select(audit.c.detail).where(audit.c.action == "billing.pull")).scalars()
        assert sorted(json.loads(row)["ok"] for row in rows) == [False, True, True]


async def test_vgroups_are_taken_from_whoever_sends_them(lab: Lab) -> None:
    await houses(lab, 2)
    told = {"vgroups": [*neighbours(2), {}], "service": "Intercom"}
    answer = await lab.ask("POST", f"/v1/billing/{lab.community}/vgroups", told)
    assert [each["result"] for each in answer["accounts"]] == ["processed", "processed", "invalid"]


async def test_a_source_comes_and_goes(lab: Lab) -> None:
    path = f"/v1/billing/{lab.community}"
    wanted = {"url": "https://billing.example/api", "service": "Intercom"}
    refused = await lab.ask("PUT", f"{path}/source", {**wanted, "url": "http://billing.example/"}, expect=422)
    assert refused["error"]["reason"] == "plain"
    await lab.ask("PUT", f"{path}/source", wanted)
    assert (await lab.ask("GET", f"{path}/source"))["outcome"] is None
    await lab.ask("DELETE", f"{path}/source")
    for method, name in (("DELETE", "source"), ("GET", "source")):
        await lab.ask(method, f"{path}/{name}", expect=404)
    await lab.ask("POST", f"{path}/pull", {}, expect=404)
