"""Whole calls between independent telephones: sound both ways, digits that open the right relay, races, refusals."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.peers import tone
from tests.peers.baresip import Baresip
from tests.peers.linphone import Linphone
from tests.peers.street import ANSWERS, NEVER, Street, street, telephone

TALK_S: Final = 2.6
HEARD_S: Final = 2.0

pytestmark = pytest.mark.peer("pjsua2", "kamailio", "tshark")


async def opened_relays(here: Street, since: int) -> Any:
    return (await here.gate.opened(since))["relays"]


@pytest.mark.parametrize("by", ["rfc4733", "info"])
async def test_digits_open_the_right_relay_and_only_it(tmp_path: Path, addresses: Iterator[str], by: str) -> None:
    async with street(tmp_path, addresses, {"101": 3}) as here:
        async with here.monitor("101", ANSWERS) as monitor:
            await monitor.registered()
            since = await here.dial("101")
            await here.gate.wait("state", since=since, state="confirmed")
            await asyncio.sleep(TALK_S)
            for code in ("1", "2"):
                mark = here.gate.events.mark()
                monitor.dtmf(code, by=by)
                assert await opened_relays(here, mark) == [code]
            monitor.dtmf("7", by=by)  # nobody's code
            here.gate.do("dtmf", digits="1", by=by)  # the visitor presses it too, in vain
            await asyncio.sleep(1.0)
            monitor.hang_up()
            await here.gate.wait("closed", since=since)
            await monitor.wait("closed")
            heard = monitor.wav
        row = await here.row()
        rows = [r for r in await here.running.edge("log", "list") if r["method"] == "dtmf"]
        downs = [e for e in here.gate.seen("down") if e["verb"] == "open"]
    assert row["opened"] == [1, 2]
    assert [(r["outcome"], r["relays"]) for r in rows] == [("granted", [1]), ("granted", [2])]
    assert len(downs) == 2
    assert not here.gate.seen("dtmf"), "digits of the answering side are never passed to the door"
    assert heard is not None
    assert tone.seconds_of(heard, 440) >= HEARD_S
    here.running.well_formed()


@pytest.mark.peer("baresip", "linphone")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_baresip_door_and_a_linphone_monitor_hear_each_other(
    tmp_path: Path, addresses: Iterator[str], transport: str
) -> None:
    async with street(tmp_path, addresses, {"101": 3}) as here:
        # baresip 1.0 never answers where a SHA-256 challenge is present
        door_login = await here.running.device("0C1105A00009", "Back door", "--type", "0", "--digest", "md5")
        wav = tone.make(tmp_path / "880.wav", 880)
        monitor_settings = here.monitors["101"].linphone(next(addresses), wav=wav, transport=transport)
        door_settings = door_login.baresip(next(addresses), tone_hz=440, transport=transport)
        async with Linphone(tmp_path, monitor_settings) as monitor, Baresip(tmp_path, door_settings) as door:
            await monitor.registered()
            await door.registered()
            await door.call(here.running.uri("101", transport))
            await monitor.says("Receiving new incoming call from")
            await door.event("CALL_RINGING")
            monitor.answer()
            await door.event("CALL_ESTABLISHED")
            await monitor.says("Media streams established")
            await asyncio.sleep(TALK_S)
            await door.hang_up()
            await monitor.says("ended")
            await door.event("CALL_CLOSED")
        row = await here.row()
    assert tone.seconds_of(monitor.heard, 440) >= HEARD_S
    assert tone.seconds_of(door.heard, 880) >= HEARD_S
    assert (row["outcome"], row["ended_by"], row["from"]) == ("answered", "visitor", "Back door")
    here.running.well_formed()


async def test_a_landline_talks_and_opens_through_the_trunk(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with street(tmp_path, addresses, {"101": 4}) as here:
        async with telephone(here.far_ip, tmp_path) as far:
            since = await here.dial("101")
            await here.gate.wait("state", since=since, state="confirmed")
            await asyncio.sleep(TALK_S)
            mark = here.gate.events.mark()
            far.dtmf("1")
            assert await opened_relays(here, mark) == ["1"]
            far.hang_up()
            ended = await here.gate.wait("closed", since=since)
            await far.wait("closed")
            invite = str(far.seen("incoming")[0]["message"])
        row = await here.row()
    assert tone.seconds_of(Path(str(ended["wav"])), 660) >= HEARD_S
    assert far.wav is not None
    assert tone.seconds_of(far.wav, 440) >= HEARD_S
    assert "Gate" not in invite, "the trunk hears nothing of the house"
    assert row["opened"] == [1]
    here.running.well_formed()


async def test_two_answers_in_the_same_instant_one_talks_the_other_is_hung_up(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with (
        street(tmp_path, addresses, {"101": 0}) as here,
        here.monitor("101", ((0.0, 180), (0.5, 200))) as monitor,
        here.app("101", ((0.0, 180), (0.5, 200))) as app,
    ):
        await monitor.registered()
        await app.registered()
        for _ in range(5):
            marks = {phone: phone.events.mark() for phone in (monitor, app)}
            since = await here.dial("101")
            await here.gate.wait("state", since=since, state="confirmed")
            for phone, mark in marks.items():
                await phone.state("early", since=mark)
            here.gate.do("hangup")
            await here.ended(since)
            for phone, mark in marks.items():
                await phone.state("disconnected", since=mark)
            row = await here.row()
            states = sorted(leg["state"] for leg in row["legs"])
            assert states == ["answered", "lost"]
    here.running.well_formed()


async def test_the_losers_are_told_why_and_a_visitor_who_gives_up_leaves_a_missed_call(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with (
        street(tmp_path, addresses, {"101": 0}) as here,
        here.monitor("101", NEVER) as monitor,
        here.app("101", ANSWERS) as app,
    ):
        await monitor.registered()
        await app.registered()
        since = await here.dial("101")
        await monitor.state("disconnected")
        here.gate.do("hangup")
        await here.ended(since)
        await app.answer_steps(*NEVER)
        mark, since = monitor.events.mark(), await here.dial("101")
        await monitor.wait("incoming", since=mark)
        here.gate.do("hangup")
        await monitor.state("disconnected", since=mark)
        assert (await here.ended(since))["status"] == 487
        cancelled = await here.row()
    log = await asyncio.to_thread(Path(monitor.settings.log_file).read_text, errors="replace")
    cancels = [part.split("\n\n")[0] for part in log.split("CANCEL sip:")[1:]]
    reasons = [next((x for x in c.splitlines() if x.startswith("Reason:")), "") for c in cancels if "CSeq" in c]
    assert 'cause=200;text="Call completed elsewhere"' in reasons[0]
    assert reasons[-1] == ""
    assert (cancelled["outcome"], cancelled["ended_by"]) == ("cancelled", "visitor")
    here.running.well_formed()


async def test_a_blocked_apartment_stops_ringing_within_a_second(tmp_path: Path, addresses: Iterator[str]) -> None:
    settings = {"calls": {"ring_time_s": 20.0}}
    async with (
        street(tmp_path, addresses, {"101": 3}, settings=settings, watch=False) as here,
        here.monitor("101", NEVER) as monitor,
    ):
        await monitor.registered()
        since = await here.dial("101")
        await monitor.wait("incoming")
        await here.running.edge("apartment", "service", "101", "blocked")
        assert (await here.ended(since, 2.0))["status"] == 403
        await monitor.state("disconnected", 2.0)
        row = await here.row()
        since = await here.dial("101")
        assert (await here.ended(since))["status"] == 403
    assert (row["outcome"], row["reason"]) == ("refused", "blocked")
