"""Notices before a subscription ends, at a real mail server; leases that turn by the clock."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import Message as Email
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from edge.clock import SystemClock
from tests.loopback.central.lab import Lab, furniture, new_central, serving

DAY_MS = 86_400_000


class Later(SystemClock):
    """A clock that can be put forward. It begins at the next noon: what is due from two o'clock on is due then."""

    def __init__(self) -> None:
        self.on_ms = (DAY_MS + DAY_MS // 2 - super().now_ms()) % DAY_MS

    def now_ms(self) -> int:
        return super().now_ms() + self.on_ms


class Letters(Message):
    """Keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[tuple[str, str]] = []

    def handle_message(self, message: Email) -> None:
        self.got.append((str(message["To"]), str(message["Subject"])))


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
async def lab(tmp_path: Path, clock: Later, letters: Letters) -> AsyncIterator[Lab]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(letters, "127.0.0.1", port)
    server.start()
    folder = new_central(tmp_path / "central")
    text = (folder / "central.toml").read_text().replace(
        'host = ""', f'host = "127.0.0.1"\nport = {port}\nsender = "door@example.org"\nstart_tls = false'
    )  # fmt: skip
    (folder / "central.toml").write_text(text)
    try:
        async with serving(folder, clock) as running:
            yield running
    finally:
        server.stop()


def day(lab: Lab, on: int) -> str:
    now = datetime.fromtimestamp(lab.central.clock.now_ms() / 1000, UTC)
    return (now + timedelta(days=on)).date().isoformat()


async def things(lab: Lab, kind: str) -> dict[str, dict[str, Any]]:
    rows = await lab.ask("GET", f"/v1/communities/{lab.community}/things/{kind}")
    return {row["id"]: row["body"] for row in rows}


async def test_each_notice_is_sent_once_and_a_renewal_begins_anew(lab: Lab, clock: Later, letters: Letters) -> None:
    site = {"name": "Test", "time_zone": "UTC", "send_expiration_mail": True, "send_renew_mail": True}
    with lab.central.change(lab.community, "test") as change:
        change.put("community", lab.community, site)
    await lab.change(*furniture(0), ("resident", "r-1", {"first": "Ada", "email": "a@example.org", "apartment": "a-1"}))
    path = f"/v1/subscriptions/{lab.community}/r-1"
    assert (await lab.ask("PUT", path, {"until": day(lab, 20)}))["mailed"]
    assert letters.got.pop() == ("a@example.org", "Test: renewed")
    for _ in range(22):
        await lab.serving.timetable.once()
        await lab.serving.timetable.once()
        clock.on_ms += DAY_MS
    assert [subject for _, subject in letters.got] == [f"Test: ends in {days} days" for days in (15, 5, 3, 1)]
    letters.got.clear()
    await lab.ask("PUT", path, {"until": day(lab, 4)})
    await lab.serving.timetable.once()
    assert [subject for _, subject in letters.got] == ["Test: renewed", "Test: ends in 4 days"]


async def test_no_more_than_five_years(lab: Lab) -> None:
    await lab.change(*furniture(1))
    path = f"/v1/subscriptions/{lab.community}/r-0"
    for on in (-2, 366 * 6):
        told = await lab.ask("PUT", path, {"until": day(lab, on)}, expect=422)
        assert told["error"]["reason"] == "until"
    await lab.ask("PUT", path, {"until": day(lab, 365 * 4)})
    await lab.ask("DELETE", path)
    assert (await things(lab, "resident"))["r-0"]["activation"] == "inactive"


async def test_leases_turn_when_their_day_comes(lab: Lab, clock: Later) -> None:
    leases = [
        {"id": "L1", "unit": "Loft", "first": "Ada", "start": day(lab, -10), "until": day(lab, 3)},
        {"id": "L2", "unit": "Loft", "first": "Bob", "start": day(lab, 4)},
    ]
    await lab.ask("POST", f"/v1/rosters/{lab.community}", {"leases": leases})
    living = []
    for _ in range(6):
        await lab.serving.timetable.once()
        living.append([body["first"] for body in (await things(lab, "resident")).values()])
        clock.on_ms += DAY_MS
    assert living[0] == ["Ada"]
    assert living[-1] == ["Bob"]
    assert all(len(people) <= 1 for people in living)
