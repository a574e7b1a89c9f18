"""A step that did not really happen must show, and the others are still played."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from edge.demo import __main__ as demo
from edge.demo.screen import Proof, Screen
from edge.demo.site import Site
from edge.demo.stage import LANES, Stage, StepFailed, require
from edge.phone.events import NotSeen


@pytest.fixture
def stage() -> Stage:
    screen = Screen(LANES, Console(file=io.StringIO(), width=100))
    site = Site(Path("nowhere"), "127.0.0.2")
    return Stage(site, site.daemon(Path("nowhere.log")), screen, block=None)  # type: ignore[arg-type] # steps below use none


async def works(_: Stage) -> Proof:
    return Proof("it rang", "a row")


async def is_not_true(_: Stage) -> Proof:
    require(1 > 2, "one is not greater than two")
    return Proof("", "")


async def sees_nothing(_: Stage) -> Proof:
    raise NotSeen("Gate: no open (6 s passed)")


async def test_a_failed_step_has_no_proof_and_the_next_is_played(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "STEPS", {"a": works, "b": is_not_true, "c": sees_nothing, "d": works})
    results = await demo._play(stage)
    assert [bool(result.proof) for result in results] == [True, False, False, True]
    assert "one is not greater than two" in results[1].problem
    assert "no open" in results[2].problem


def test_require_says_what_is_wrong() -> None:
    require(True, "never said")
    with pytest.raises(StepFailed, match="no row"):
        require([], "no row")
