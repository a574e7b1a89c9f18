"""rtpengine's control protocol between real sockets: lost answers, double ones, refusals, nobody there."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from sip.media.bencode import decode, encode
from sip.media.ng import NgClient, Reply


class FakeEngine(asyncio.DatagramProtocol):
    """Answers what *answer* says; None: nothing."""

    def __init__(self) -> None:
        self.answer: Callable[[int], list[bytes]] = lambda _count: [encode({"result": "ok"})]
        self.seen: list[tuple[bytes, object]] = []
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        cookie, _, body = data.partition(b" ")
        self.seen.append((cookie, decode(body)))
        assert self.transport is not None
        for reply in self.answer(len(self.seen)):
            self.transport.sendto(cookie + b" " + reply, addr)


@pytest.fixture
async def engine(address: str) -> AsyncIterator[FakeEngine]:
    made = FakeEngine()
    made.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: made, local_addr=(address, 2223)
    )
    yield made
    made.transport.close()


@pytest.fixture
async def client(address: str) -> AsyncIterator[NgClient]:
    made = NgClient()
    await made.open(address, 2223)
    yield made
    made.close()


async def asked(client: NgClient, command: str, **fields: str) -> Reply | None:
    reply: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
    client.request(command, reply.set_result, **fields)
    async with asyncio.timeout(5):
        return await reply


async def test_a_command_and_its_answer(engine: FakeEngine, client: NgClient) -> None:
    assert await asked(client, "offer", call_id="c", from_tag="a") == {"result": "ok"}
    assert [told for _, told in engine.seen] == [{"command": "offer", "call-id": "c", "from-tag": "a"}]


async def test_a_lost_answer_is_asked_for_with_the_same_cookie(engine: FakeEngine, client: NgClient) -> None:
    engine.answer = lambda count: [encode({"result": "pong"})] if count == 3 else []
    assert await asked(client, "ping") == {"result": "pong"}
    assert len({cookie for cookie, _ in engine.seen}) == 1
    assert len(engine.seen) == 3


async def test_a_second_answer_and_rubbish_are_passed_over(engine: FakeEngine, client: NgClient) -> None:
    good = encode({"result": "ok", "n": 1})
    engine.answer = lambda _count: [b"rubbish", good, encode({"result": "ok", "n": 2})]
    assert await asked(client, "query") == {"result": "ok", "n": 1}
    assert await asked(client, "query") == {"result": "ok", "n": 1}


async def test_a_refusal_says_why(engine: FakeEngine, client: NgClient) -> None:
    engine.answer = lambda _count: [encode({"result": "error", "error-reason": "Unknown call-id"})]
    assert await asked(client, "query") is None
    assert client.error == "Unknown call-id"


async def test_nobody_there_is_told_after_a_while(client: NgClient) -> None:
    assert await asked(client, "ping") is None
    assert client.error == "no answer"


async def test_after_the_end_nothing_is_asked(client: NgClient) -> None:
    client.close()
    assert await asked(client, "ping") is None
