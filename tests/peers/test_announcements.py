"""What a visitor hears before it is refused or cut off, recorded by an independent telephone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.peers import tone
from tests.peers.street import ANSWERS, street

pytestmark = pytest.mark.peer("pjsua2", "kamailio", "tshark")

SECONDS: Final = 1.5
HEARD_S: Final = 1.0


def recordings(folder: Path) -> dict[str, Any]:
    """Settings of a community whose own recordings are tones, one for each reason."""
    own = folder / "recordings"
    own.mkdir()
    for name, hz in (("unknown", 660), ("max_talk", 1320)):
        tone.make(own / f"{name}.wav", hz, SECONDS)
    return {
        "community": {"announcements": str(own)},
        "calls": {"announcements": True, "max_talk_s": 2.0, "ring_time_s": 2.0},
    }


async def test_a_wrong_number_is_told_so_and_may_hang_up_meanwhile(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with street(tmp_path, addresses, {"101": 3}, settings=recordings(tmp_path)) as here:
        since = await here.dial("999")
        await here.gate.wait("state", since=since, state="early", status=183)
        assert (await here.ended(since))["status"] == 404
        heard = Path(str((await here.gate.wait("closed", since=since))["wav"]))
        refused = await here.row()
        since = await here.dial("999")
        await here.gate.wait("state", since=since, state="early", status=183)
        here.gate.do("hangup")
        assert (await here.ended(since, 2.0))["status"] == 487
    assert tone.seconds_of(heard, 660) >= HEARD_S
    assert (refused["outcome"], refused["reason"], refused["status"]) == ("refused", "unknown", 404)
    here.running.well_formed()


async def test_a_talk_that_lasts_too_long_is_told_so(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with (
        street(tmp_path, addresses, {"101": 3}, settings=recordings(tmp_path)) as here,
        here.monitor("101", ANSWERS) as monitor,
    ):
        await monitor.registered()
        since = await here.dial("101")
        await here.gate.wait("state", since=since, state="confirmed")
        await monitor.state("disconnected", 5.0)
        assert not any(e["state"] == "disconnected" for e in here.gate.seen("state")), "the visitor still listens"
        await here.ended(since)
        heard = Path(str((await here.gate.wait("closed", since=since))["wav"]))
        await asyncio.sleep(0.2)
        row = await here.row()
    assert tone.seconds_of(heard, 880) >= HEARD_S, "the monitor was heard before"
    assert tone.seconds_of(heard, 1320) >= HEARD_S
    assert (row["outcome"], row["ended_by"]) == ("answered", "edge")
    here.running.well_formed()


async def test_a_single_callee_hears_the_visitor_before_it_answers(tmp_path: Path, addresses: Iterator[str]) -> None:
    settings = {"calls": {"ring_time_s": 4.0}}
    async with (
        street(tmp_path, addresses, {"101": 3}, settings=settings) as here,
        here.monitor("101", ((0.0, 183),)) as monitor,
    ):
        await monitor.registered()
        since = await here.dial("101")
        await here.gate.wait("state", since=since, state="early", status=183)
        await asyncio.sleep(2.5)
        here.gate.do("hangup")
        assert (await here.ended(since))["status"] == 487
        await monitor.wait("closed")
        row = await here.row()
    assert monitor.wav is not None
    assert tone.seconds_of(monitor.wav, 440) >= HEARD_S
    (line,) = row["legs"][0]["media"]
    assert (line["fault"], min(line["packets"], line["sent"]) > 50) == (None, True)
    here.running.well_formed()
