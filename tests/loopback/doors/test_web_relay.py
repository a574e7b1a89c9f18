"""The web relay over real sockets: asked once for a grant, never waited for, its every end written down."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from edge.core.openings import OpenRequest
from edge.doors.web_relay import WebRelay, WebRelaySettings
from edge.phone.loopback import AddressBlock
from models.access import AccessDecision, CredentialKind, Reason, UnlockMethod
from models.ids import CallId
from models.log import LogEntry, LogKind
from tests.unit.edge.core.door_house import A101, A102, GATE, attempt, credential, house
from tests.unit.edge.doors.desk_kit import House, house_open

LOGIN = "relay:s3cret"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Box:
    """A networked relay: remembers what it was asked, and answers as the test says."""

    answer: bytes | None = OK  # None: it never does
    asked: list[bytes] = field(default_factory=list)
    url: str = ""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head)
                self.heard.set()
                if self.answer is None:
                    await self.ended.wait()
                    return
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def box(block: AddressBlock, answer: bytes | None = OK) -> AsyncIterator[Box]:
    made = Box(answer)
    server = await asyncio.start_server(made.serve, block.address(), 0)
    host, port = server.sockets[0].getsockname()[:2]
    made.url = f"http://{host}:{port}/fire?action={{action}}"
    try:
        yield made
    finally:
        made.ended.set()
        server.close()


def place() -> tuple[object, ...]:
    return (
        credential(CredentialKind.PIN, "482915", A101),  # web relay 4
        credential(CredentialKind.PIN, "731604", A102),  # none
        credential(CredentialKind.PIN, "960482", A101, uses_left=1),
    )


@asynccontextmanager
async def desk(url: str, **more: object) -> AsyncIterator[House]:
    async with house_open(house(place()), web_relay=WebRelaySettings(url, LOGIN), **more) as h:  # type: ignore[arg-type]
        yield h


def ends(h: House) -> list[LogEntry]:
    return [row for row in h.ledger.of(LogKind.DEVICE) if row.detail["type"] == "web_relay"]


async def until_ended(h: House, count: int = 1) -> list[str]:
    async with asyncio.timeout(10):
        while len(ends(h)) < count:
            h.ledger.committed.clear()
            await h.ledger.committed.wait()
    return [str(row.detail["result"]) for row in ends(h)]


async def test_a_grant_asks_for_its_apartments_action_with_the_login(loopback_block: AddressBlock) -> None:
    async with box(loopback_block) as relay, desk(relay.url) as h:
        await h.desk.attempt(attempt("482915"))
        assert await until_ended(h) == ["done"]
        (asked,) = relay.asked
        assert asked.startswith(b"GET /fire?action=4 HTTP/1.1\r\n")
        assert b"Authorization: Basic " + base64.b64encode(LOGIN.encode()) in asked
        (row,) = ends(h)
        assert (row.id, row.device, row.apartment, row.detail["action"]) == ("t1", GATE, A101, 4)


async def test_only_a_grant_that_names_one_asks_and_once(loopback_block: AddressBlock) -> None:
    async with box(loopback_block) as relay, desk(relay.url) as h:
        for number, pin in enumerate(("731604", "000001", "960482", "960482", "482915", "482915")):
            await h.desk.attempt(attempt(pin, id=f"t{min(number, 4)}"))
        assert await until_ended(h, 2) == ["done", "done"]
        await h.settle()
        assert len(relay.asked) == 2  # a use, and a PIN whose repetition got the first answer
        assert [row.id for row in ends(h)] == ["t2", "t4"]


async def test_an_opening_in_a_call_asks_as_well_and_an_operators_does_not(loopback_block: AddressBlock) -> None:
    async with box(loopback_block) as relay, desk(relay.url) as h:
        h.desk.open_in_call(CallId("call-1"), OpenRequest(GATE, UnlockMethod.DTMF, apartments=(A101,)))
        assert await until_ended(h) == ["done"]
        await h.desk.open_remote(GATE, None, "operator")
        await h.settle()
        assert [row.id for row in ends(h)] == ["call-1"]


async def test_nobody_waits_for_it(loopback_block: AddressBlock) -> None:
    async with box(loopback_block, answer=None) as relay, desk(relay.url) as h:
        async with asyncio.timeout(1):  # the relay takes three seconds to be given up
            await h.desk.attempt(attempt("482915"))
            assert h.plane.answers()[-1]["granted"] is True
            await relay.heard.wait()
        assert ends(h) == []


ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status_500"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "status_401"),
        (b"rubbish\r\n\r\n", "failed: RemoteProtocolError"),
        (None, "no_answer"),
    ],
)
async def test_every_end_is_written_down(loopback_block: AddressBlock, answer: bytes | None, result: str) -> None:
    async with box(loopback_block, answer) as relay, house_open(house()) as h:
        assert await asked_of(h, relay.url) == result


async def test_a_redirect_is_not_followed(loopback_block: AddressBlock) -> None:
    async with box(loopback_block) as trap, box(loopback_block) as relay, house_open(house()) as h:
        relay.answer = ELSEWHERE % trap.url.encode()
        assert await asked_of(h, relay.url) == "status_302"
        assert trap.asked == []


async def test_nobody_there(loopback_block: AddressBlock) -> None:
    async with box(loopback_block) as relay:
        url = relay.url
    async with house_open(house()) as h:
        assert await asked_of(h, url) == "failed: ConnectError"


GRANT = AccessDecision(Reason.GRANTED, relays=(1,), holds={"1": 3}, web_relay=7)


async def asked_of(h: House, url: str, times: int = 1, at_once: int = 16) -> str:
    """What becomes of the last of some requests, each given up after a fifth of a second."""
    relay = made(h, url, at_once)
    for _ in range(times):
        relay.trigger(GRANT, h.world.snapshot.devices[GATE], "x")
    results = await until_ended(h, times)
    await relay.close()
    return results[-1]


def made(h: House, url: str, at_once: int = 16) -> WebRelay:
    commits, background = h.desk._commits, h.desk._background  # the desk's own, with another time limit
    return WebRelay(url, None, h.clock, commits, background, within_s=0.2, max_at_once=at_once)


async def test_at_most_so_many_at_once(loopback_block: AddressBlock) -> None:
    async with box(loopback_block, answer=None) as relay, house_open(house()) as h:
        busy = made(h, relay.url, at_once=2)
        for _ in range(5):
            busy.trigger(GRANT, h.world.snapshot.devices[GATE], "x")
        results = await until_ended(h, 5)
        assert sorted(results) == ["no_answer"] * 2 + ["too_many"] * 3
        await busy.close()
