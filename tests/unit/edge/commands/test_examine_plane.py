"""What `edge doctor` says of devices that send rubbish, of the broker and of Home Assistant."""

from pathlib import Path
from typing import Any

import pytest

from edge.commands import examine_plane as module
from edge.commands.examine_plane import WORTH_A_LINE, examine_plane
from edge.commands.finding import Level

QUIET: dict[str, Any] = {
    "device_plane": {"counters": {}, "troublesome": [], "broker_restarts": 0},
    "home_assistant": {"connected": True, "counters": {"openings": 3}},
}


def home(**counters: int) -> dict[str, Any]:
    return {**QUIET, "home_assistant": {"connected": True, "counters": counters}}


def plane(**changed: object) -> dict[str, Any]:
    return {**QUIET, "device_plane": {**QUIET["device_plane"], **changed}}


def mad(messages: int) -> list[dict[str, Any]]:
    return [{"mac": "0c1105000009", "name": "Mad", "messages": messages}]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (QUIET, []),
        ({**QUIET, "home_assistant": None}, []),
        (plane(troublesome=mad(WORTH_A_LINE - 1)), []),
        (plane(troublesome=mad(WORTH_A_LINE)), ["Mad (0c1105000009) sent 20 messages"]),
        (
            plane(restless=[{"mac": "0c1105000009", "name": "Mad", "hellos": 10, "within_s": 42}]),
            ["Mad (0c1105000009) logged in 10 times within 42 s"],
        ),
        (plane(broker_said=["a: socket error", "b"]), ["the broker said: a: socket error", "the broker said: b"]),
        (plane(broker_restarts=2), ["started again 2 times"]),
        (
            {
                **QUIET,
                "home_assistant": {"connected": True, "counters": {"refused_stale": 4, "refused_not_allowed": 1}},
            },
            ["did nothing: not_allowed 1, stale 4"],
        ),
        (home(refused_stale=4, refused_not_allowed=1), ["did nothing: not_allowed 1, stale 4"]),
        (home(failures=1), ["1 commands of Home Assistant"]),
    ],
)
def test_what_the_daemon_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], words: list[str]
) -> None:
    monkeypatch.setattr(module, "ask_if_running", lambda _folder, _path: status)
    found = list(examine_plane(tmp_path))
    assert all(finding.level is Level.NOTE and finding.do for finding in found)
    assert len(found) == len(words)
    assert all(word in finding.message for word, finding in zip(words, found, strict=True))


def test_no_daemon_no_word(tmp_path: Path) -> None:
    assert list(examine_plane(tmp_path)) == []
