"""Each call type to its last stage, with real telephones at every end (domain section 2)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from edge.phone.handle import Phone
from tests.peers.street import ANSWERS, BUSY, DECLINES, NEVER, RING_S, Street, street, telephone

pytestmark = pytest.mark.peer("pjsua2", "kamailio", "tshark")

LAST: Final = {0: "app", 1: "landline", 2: "landline", 3: "app", 4: "landline", 5: "landline"}
"""Who answers when everybody before lets it ring: the last of the last stage."""

RUNG: Final = {0: "ma", 1: "ml", 2: "mal", 3: "ma", 4: "ml", 5: "mal"}
"""Who is rung: monitor, app, landline."""

STAGES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 2, 5: 3}
_KIND: Final = {"m": "monitor", "a": "app", "l": "landline"}
_REFUSED_AT_ONCE: Final = {"busy": BUSY, "unregistered": None}


@contextlib.asynccontextmanager
async def household(here: Street, folder: Path, apartment: str, steps: dict[str, Any]) -> Any:
    """The telephones of *apartment* by kind; steps None: it stays unplugged."""
    makers = {"monitor": here.monitor, "app": here.app}
    async with contextlib.AsyncExitStack() as stack:
        phones: dict[str, Phone] = {}
        for kind, wanted in steps.items():
            if wanted is None:
                continue
            made = telephone(here.far_ip, folder, wanted) if kind == "landline" else makers[kind](apartment, wanted)
            phones[kind] = await stack.enter_async_context(made)
            if kind != "landline":
                await phones[kind].registered()
        yield phones


def legs(row: Any) -> dict[str, str]:
    return {leg["kind"]: leg["state"] for leg in row["legs"]}


@pytest.mark.parametrize("call_type", range(6))
async def test_a_call_type_reaches_its_last_stage(tmp_path: Path, addresses: Iterator[str], call_type: int) -> None:
    """Silent, busy and unregistered telephones before the last; then a decline, which ends the call."""
    last, everybody = LAST[call_type], [_KIND[letter] for letter in RUNG[call_type]]
    earlier = [kind for kind in everybody if kind != last]
    async with street(tmp_path, addresses, {"101": call_type}) as here:
        await silent_then_last(here, tmp_path, earlier, last, STAGES[call_type])
        for how in _REFUSED_AT_ONCE:
            await out_at_once_then_last(here, tmp_path, earlier, last, how)
        await declined(here, tmp_path, earlier[0])
        await nobody(here, tmp_path, everybody)
    here.running.well_formed()


async def silent_then_last(here: Street, folder: Path, earlier: list[str], last: str, stages: int) -> None:
    steps = {**dict.fromkeys(earlier, NEVER), last: ANSWERS}
    async with household(here, folder, "101", steps) as phones:
        since = await here.dial("101")
        await here.gate.wait("state", RING_S * stages + 6, since, state="confirmed")
        await phones[last].state("confirmed")
        here.gate.do("hangup")
        await here.ended(since)
        await phones[last].wait("closed")
        row = await here.row()
        for kind in earlier:
            assert phones[kind].invites == 1, f"{kind} did not ring"
    lost_in_same_stage = {kind for kind in earlier if len(row["stages"]) == 1 or kind not in first_stages(row)}
    for kind in earlier:
        assert legs(row)[kind] == ("lost" if kind in lost_in_same_stage else "timeout")
    assert legs(row)[last] == "answered"
    assert (row["outcome"], row["status"], row["ended_by"]) == ("answered", 200, "visitor")
    assert row["legs"][row["answered_by"]]["kind"] == last
    assert len(row["stages"]) == stages


def first_stages(row: Any) -> set[str]:
    """Kinds of the legs that ring before the last stage."""
    return {row["legs"][leg]["kind"] for stage in row["stages"][:-1] for leg in stage}


async def out_at_once_then_last(here: Street, folder: Path, earlier: list[str], last: str, how: str) -> None:
    """Nobody waits for a ring time of those who are busy or away."""
    steps = {**dict.fromkeys(earlier, _REFUSED_AT_ONCE[how]), last: ANSWERS}
    async with household(here, folder, "101", steps) as phones:
        since = await here.dial("101")
        await here.gate.wait("state", RING_S + 1.5, since, state="confirmed")
        phones[last].hang_up()
        await here.ended(since)
        row = await here.row()
    for kind in earlier:
        assert legs(row)[kind] == ("busy" if how == "busy" else "skipped")
    assert (row["outcome"], row["ended_by"]) == ("answered", "callee")


async def declined(here: Street, folder: Path, who: str) -> None:
    async with household(here, folder, "101", {who: DECLINES}):
        since = await here.dial("101")
        assert (await here.ended(since))["status"] == 603
        row = await here.row()
    assert (row["outcome"], row["status"], legs(row)[who]) == ("declined", 603, "declined")


async def nobody(here: Street, folder: Path, everybody: list[str]) -> None:
    """All are unplugged; the trunk is there, but its telephone is not."""
    since = await here.dial("101")
    assert (await here.ended(since, RING_S + 40))["status"] == 480
    row = await here.row()
    assert row["outcome"] == "no_answer"
    assert set(legs(row)) == set(everybody)
