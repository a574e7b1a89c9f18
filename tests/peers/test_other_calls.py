"""Calls that do not begin at a door, and what is refused (domain section 2, decisions 25, 28, 29)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.phone.handle import Phone
from tests.peers.street import ANSWERS, GATE, NEVER, Street, street

pytestmark = pytest.mark.peer("pjsua2", "kamailio", "tshark")

GUARD = "0C1105A000AA"


async def refused(phone: Phone, here: Street, dialled: str) -> int:
    """The status that *phone* gets for *dialled*."""
    mark = phone.call(here.running.uri(dialled))
    return int((await phone.state("disconnected", since=mark))["status"])


async def gate_user(here: Street) -> str:
    return str((await here.running.edge("device", "secret", GATE))["sip"]["user"])


async def test_a_monitor_looks_at_the_door_and_opens_it(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with street(tmp_path, addresses, {"101": 3}) as here, here.monitor("101", ANSWERS) as monitor:
        await monitor.registered()
        for dialled in (await gate_user(here), "Gate"):
            since = here.gate.events.mark()
            mark = monitor.call(here.running.uri(dialled))
            await monitor.state("confirmed", since=mark)
            await asyncio.sleep(0.5)
            before = here.gate.events.mark()
            monitor.dtmf("2")
            assert (await here.gate.opened(before))["relays"] == ["2"]
            monitor.hang_up()
            await here.ended(since)
            await monitor.state("disconnected", since=mark)
        row = await here.row()
    assert (row["from"], row["outcome"], row["opened"]) == ("Monitor 101", "answered", [2])
    assert [leg["kind"] for leg in row["legs"]] == ["door"]
    here.running.well_formed()


async def test_neighbours_talk_only_where_the_community_wants_it(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with (
        street(tmp_path, addresses, {"101": 3, "102": 5}, watch=False) as here,
        here.monitor("101", NEVER) as one,
        here.monitor("102", ANSWERS) as other,
    ):
        await one.registered()
        await other.registered()
        assert await refused(one, here, "102") == 403
        await here.running.edge("community", "set", "--community-calls", "yes")
        await asyncio.sleep(1.0)  # in force within a second
        mark = one.call(here.running.uri("102"))
        await one.state("confirmed", since=mark)
        one.hang_up()
        await one.state("disconnected", since=mark)
        row = await here.row()
    assert sorted(leg["kind"] for leg in row["legs"]) == ["app", "monitor"], "never a landline"
    assert (row["from"], row["outcome"]) == ("Monitor 101", "answered")


async def test_guard_and_sos(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with street(tmp_path, addresses, {"101": 3}, watch=False) as here:
        login = await here.running.device(GUARD, "Guard", "--type", "3")
        guard_settings = login.pjsua(next(addresses), answer_steps=ANSWERS)
        async with Phone(guard_settings) as guard, here.monitor("101", ANSWERS) as monitor:
            await guard.registered()
            await monitor.registered()
            since = await here.dial("guard")
            await here.gate.wait("state", since=since, state="confirmed")
            here.gate.do("hangup")
            await here.ended(since)
            mark = monitor.call(here.running.uri("sos"))
            await monitor.state("confirmed", since=mark)
            monitor.hang_up()
            await monitor.state("disconnected", since=mark)
            mark = guard.call(here.running.uri("101"))
            await guard.state("confirmed", since=mark)
            guard.hang_up()
            await guard.state("disconnected", since=mark)
            rows: list[Any] = await here.running.edge("call", "list")
    kinds = [(row["from"], row["dialled"], row["legs"][0]["kind"]) for row in rows]
    assert kinds == [("Gate", "guard", "guard"), ("Monitor 101", "sos", "guard"), ("Guard", "101", "monitor")]


async def test_nobody_reaches_the_telephone_company_or_a_stranger_by_dialling(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with (
        street(tmp_path, addresses, {"101": 3, "102": 3}, watch=False) as here,
        here.monitor("101", NEVER) as monitor,
    ):
        await monitor.registered()
        other = (await here.running.edge("device", "secret", "0C1105B00001"))["sip"]["user"]
        for dialled in (
            "+49301234560",
            "0049301234560",
            "30123456",
            "911",
            "112",
            "nobody",
            "102",
            other,
            "9" * 40,
        ):
            assert await refused(monitor, here, dialled) in (403, 404), dialled
        since = await here.dial("999")
        assert (await here.ended(since))["status"] == 404
        rows = await here.running.edge("call", "list")
        rings = [row for row in await here.running.edge("log", "list") if row["kind"] == "ring"]
    assert {row["outcome"] for row in rows} == {"refused"}
    assert [row["apartment"] for row in rings] == ["1/102"], "only a known number makes a ring event (decision 33)"


@pytest.mark.parametrize("dialled", ["2%23101", "2#101", "1*2#101"])
async def test_a_number_of_groups_is_dialled_raw_or_escaped(
    tmp_path: Path, addresses: Iterator[str], dialled: str
) -> None:
    async with (
        street(tmp_path, addresses, {"2#101": 3}, watch=False) as here,
        here.monitor("2#101", NEVER) as monitor,
    ):
        await monitor.registered()
        since = await here.dial(dialled)
        await monitor.wait("incoming")
        here.gate.do("hangup")
        await here.ended(since)
        row = await here.row()
    assert (row["apartment"], row["outcome"]) == ("1/2#101", "cancelled")


async def test_a_door_has_one_call_at_a_time_and_names_a_building_where_it_must(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with (
        street(tmp_path, addresses, {"101": 3}, watch=False) as here,
        here.monitor("101", NEVER) as monitor,
    ):
        await monitor.registered()
        await here.running.edge("building", "add", "2")
        await here.running.edge("apartment", "add", "2/101")
        await here.running.edge("device", "set", GATE, "--place", "public", "--buildings", "all")
        await asyncio.sleep(1.0)  # in force within a second
        since = await here.dial("101")
        assert (await here.ended(since))["status"] == 404, "ambiguous"
        since = await here.dial("1*101")
        await monitor.wait("incoming")
        second = await here.dial("1*101")
        statuses = [int((await here.ended(second))["status"])]
        here.gate.do("hangup")
        await monitor.state("disconnected")
    assert statuses == [486]
