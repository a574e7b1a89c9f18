"""Rosters fetched from a property manager's server, by the clock and at a word."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from edge.central.roster_sources import TRY_AGAIN_MS
from edge.central.tables import audit, roster_source
from edge.clock import SystemClock
from tests.loopback.central.lab import Lab, new_central, serving
from tests.loopback.central.web import Answer, Asked, Web, web

SITE = ZoneInfo("Europe/Warsaw")
CSV = "ID;Unit;First;Start\nL1;Loft;Ada;2020-01-01\n\nL2;Garden;Bob;2020-01-01\n".encode("utf-8-sig")
JSON = json.dumps({"leases": [{"id": "L1", "unit": "Loft", "first": "Ada", "start": "2020-01-01"}]}).encode()


class SetClock(SystemClock):
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 6, 1, 1, 0, tzinfo=SITE)

    def now_ms(self) -> int:
        return int(self.at.timestamp() * 1000)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def pms() -> AsyncIterator[Web]:
    async with web() as served:
        yield served


@pytest.fixture
async def lab(tmp_path: Path, clock: SetClock, pms: Web) -> AsyncIterator[Lab]:
    folder = new_central(tmp_path / "central")
    settings = folder / "central.toml"
    settings.write_text(settings.read_text().replace("hosts = []", f'hosts = ["{pms.authority}"]'))
    async with serving(folder, clock) as running:
        yield running


async def source(lab: Lab, pms: Web, **more: str) -> str:
    """The roster is at the property manager's; the path of the API."""
    path = f"/v1/rosters/{lab.community}"
    await lab.ask("PUT", f"{path}/source", {"url": f"http://{pms.authority}/roster", **more})
    return path


async def people(lab: Lab) -> list[str]:
    rows = await lab.ask("GET", f"/v1/communities/{lab.community}/things/resident")
    return sorted(row["body"]["first"] for row in rows)


def actions(lab: Lab, action: str) -> list[dict[str, Any]]:
    with lab.central.store.read() as connection:
        rows = connection.execute(select(audit.c.detail).where(audit.c.action == action).order_by(audit.c.at_ms))
        return [json.loads(row.detail) for row in rows]


@pytest.mark.parametrize(("file", "names"), [(CSV, ["Ada", "Bob"]), (JSON, ["Ada"])])
async def test_a_roster_is_fetched_at_a_word(lab: Lab, pms: Web, file: bytes, names: list[str]) -> None:
    pms.pages["/roster"] = Answer(file)
    path = await source(lab, pms, authorization="Bearer s3cret")
    dry = await lab.ask("POST", f"{path}/pull", {"dry_run": True})
    assert (len(dry["started"]), dry["stored"]) == (len(names), False)
    assert await people(lab) == []
    assert (await lab.ask("GET", f"{path}/source"))["outcome"] is None, "a dry run leaves nothing behind"
    assert (await lab.ask("POST", f"{path}/pull", {}))["stored"]
    assert await people(lab) == names
    assert pms.asked[-1].headers["authorization"] == "Bearer s3cret"
    told = await lab.ask("GET", f"{path}/source")
    assert (told["authorization"], told["outcome"]["ok"]) == (True, True)
    assert "s3cret" not in json.dumps(told)
    with lab.central.store.read() as connection:
        assert b"s3cret" not in connection.execute(select(roster_source.c.sealed)).scalar_one()


async def test_it_is_fetched_daily_from_two_o_clock_and_again_where_that_failed(
    lab: Lab, pms: Web, clock: SetClock
) -> None:
    tick = lab.serving.timetable.once
    pms.pages["/roster"] = Answer(status=503)
    path = await source(lab, pms)
    await tick()
    assert pms.asked == [], "it is one o'clock"
    clock.at = clock.at.replace(hour=2)
    await tick()
    await tick()
    told = await lab.ask("GET", f"{path}/source")
    assert (len(pms.asked), told["outcome"]["reason"], told["day"]) == (1, "status", "")
    pms.pages["/roster"] = Answer(CSV)
    clock.at = datetime.fromtimestamp((clock.now_ms() + TRY_AGAIN_MS) / 1000, UTC).astimezone(SITE)
    await tick()
    await tick()
    assert (len(pms.asked), await people(lab)) == (2, ["Ada", "Bob"])
    clock.at = clock.at.replace(day=2, hour=1)
    await lab.ask("POST", f"{path}/pull", {})  # by hand, before this night's
    await tick()
    clock.at = clock.at.replace(hour=3)
    await tick()
    await tick()
    assert len(pms.asked) == 4
    assert [each["ok"] for each in actions(lab, "roster.pull")] == [False, True, True, True]


BAD = [
    (b"", 409, "guard"),
    (b"id,unit,first,start\n", 409, "guard"),
    (b"[]", 409, "guard"),
    (b"<html>Sign in</html>", 422, "csv"),
    (b'{"leases": {}}', 422, "json"),
    (b"[" * 5000, 422, "json"),
    (b"\xff\xfe\x00", 422, "encoding"),
    (b"id,unit,first,start\nL1,Loft," + b"A" * 99 + b",2020-01-01\n", 422, "row"),
]


@pytest.mark.parametrize(("file", "status", "reason"), BAD)
async def test_an_empty_or_a_foul_file_changes_nothing(
    lab: Lab, pms: Web, file: bytes, status: int, reason: str
) -> None:
    pms.pages["/roster"] = Answer(CSV)
    path = await source(lab, pms)
    await lab.ask("POST", f"{path}/pull", {})
    pms.pages["/roster"] = Answer(file)
    told = await lab.ask("POST", f"{path}/pull", {}, expect=status)
    assert told["error"]["reason"] == reason
    assert (await lab.ask("GET", f"{path}/source"))["outcome"]["reason"] == reason
    assert await people(lab) == ["Ada", "Bob"]


async def test_a_lease_that_is_none_is_reported_and_nothing_is_stored(lab: Lab, pms: Web) -> None:
    pms.pages["/roster"] = Answer(CSV.replace(b"L2;Garden;Bob;2020-01-01", b"L2;Garden;Bob;soon"))
    path = await source(lab, pms)
    report = await lab.ask("POST", f"{path}/pull", {})
    assert (report["stored"], [each["lease"] for each in report["errors"]]) == (False, ["L2"])
    told = await lab.ask("GET", f"{path}/source")
    assert (told["outcome"]["ok"], told["day"], await people(lab)) == (False, "", [])


async def test_leases_turn_while_the_server_is_away_and_sources_go(lab: Lab, pms: Web, clock: SetClock) -> None:
    def ending(_: Asked) -> Answer:
        return Answer(b"id,unit,first,start,until\nL1,Loft,Ada,2020-01-01,2026-06-01\n")

    pms.pages["/roster"] = ending
    path = await source(lab, pms)
    await lab.ask("POST", f"{path}/pull", {})
    pms.pages["/roster"] = Answer(status=500)
    clock.at = clock.at.replace(day=2, hour=2)
    await lab.serving.timetable.once()
    assert await people(lab) == []
    await lab.ask("DELETE", f"{path}/source")
    await lab.ask("DELETE", f"{path}/source", expect=404)
    await lab.ask("POST", f"{path}/pull", {}, expect=404)


async def test_a_source_that_may_not_be_asked_is_refused_at_once(lab: Lab) -> None:
    path = f"/v1/rosters/{lab.community}/source"
    for url, reason in (("http://pms.example/", "plain"), ("https://u:p@pms.example/", "url"), ("x", "url")):
        assert (await lab.ask("PUT", path, {"url": url}, expect=422))["error"]["reason"] == reason
    told = await lab.ask("PUT", path, {"url": "https://pms.example/", "authorization": "a\r\nb"}, expect=422)
    assert told["error"]["reason"] == "authorization"
