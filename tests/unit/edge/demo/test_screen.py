import io
from typing import Any

import pytest
from rich.console import Console

from edge.demo.screen import Proof, Result, Screen, describe


def screen() -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(("Gate", "Edge", "Monitor"), Console(file=out, width=90, highlight=False)), out


def test_an_event_stands_under_its_lane() -> None:
    shown, out = screen()
    shown.header()
    shown.event("Monitor", "rings")
    head, line = out.getvalue().splitlines()
    assert line[head.index("Monitor") :].startswith("● rings")
    assert line[head.index("Gate")] == "│"


def test_a_long_text_runs_over_the_lanes_to_its_right() -> None:
    shown, out = screen()
    shown.event("Gate", "a visitor dials 104, whose monitor is unplugged")
    assert "a visitor dials 104, whose monitor is unplugged" in out.getvalue()


def test_the_table_shows_proofs_and_problems() -> None:
    shown, out = screen()
    shown.table([Result("opens", 0.5, Proof("relay 1", "granted")), Result("rings", 1.0, None, "nobody there")])
    assert all(text in out.getvalue() for text in ("✓", "relay 1", "granted", "✗", "nobody there"))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"event": "registration", "status": 200, "expires_s": 60}, "registered"),
        ({"event": "registration", "status": 401, "expires_s": 0}, None),
        ({"event": "state", "state": "disconnected", "status": 403, "reason": "Forbidden"}, "refused: 403 Forbidden"),
        ({"event": "state", "state": "disconnected", "status": 487, "reason": "Request Terminated"}, "stops ringing"),
        ({"event": "state", "state": "early", "status": 180, "placed": True}, "hears it ring"),
        ({"event": "state", "state": "early", "status": 180, "placed": False}, None),
        ({"event": "state", "state": "confirmed", "status": 200}, "talks"),
        ({"event": "down", "verb": "open", "relays": ["1"], "message": {}}, "OPENS relay 1"),
        ({"event": "down", "verb": "open", "relays": [], "message": {}}, None),
        (
            {"event": "down", "verb": "decision", "relays": [], "message": {"granted": False, "reason": "expired"}},
            "stays shut: expired",
        ),
        ({"event": "stats"}, None),
    ],
)
def test_what_a_device_tells_in_words(event: dict[str, Any], text: str | None) -> None:
    assert describe(event) == text
