"""What an enumerator of extensions learns: nothing, neither by the answers nor by their times.

The guesser here works as SIPVicious' svwar does: for each number a request without credentials, then one with a wrong
password, and it looks at what differs between a number that exists and one that does not.
"""

import asyncio
import re
import socket
import statistics
import time
from collections.abc import AsyncIterator

import pytest

from sip.message import Request, Response
from sip.parser import parse
from sip.settings import SipSettings
from tests.fakes.sip import FakeAccounts, again, answer, request
from tests.fakes.sip_service import WITHIN_S, Running

KNOWN, UNKNOWN = "10000001", "10000009"
ROUNDS = 300
METHODS = ("REGISTER", "INVITE", "SUBSCRIBE")


@pytest.fixture
async def running(address: str) -> AsyncIterator[Running]:
    settings = SipSettings(listen=(address,), port=0, ping_interval_s=0, source_rate_per_s=0, bans=False)
    async with Running(settings, accounts=FakeAccounts({KNOWN: "secret"})) as service:
        service.endpoint.handle("INVITE", lambda tx: tx.reply(486))
        yield service


class Guesser:
    """One socket, one question at a time."""

    def __init__(self, place: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(WITHIN_S)
        self._socket.connect(place)

    def close(self) -> None:
        self._socket.close()

    def ask(self, message: Request) -> tuple[Response, float]:
        """The final answer and the seconds it took."""
        data = message.render()
        began = time.perf_counter()
        self._socket.send(data)
        while True:
            heard = parse(self._socket.recv(65535))
            took_s = time.perf_counter() - began
            if isinstance(heard, Response) and heard.final:
                return heard, took_s

    def guess(self, method: str, user: str, call_id: str) -> list[tuple[str, float]]:
        """Both answers to a guess, without what is different each time, and their times."""
        plain = request(method, "sip:101@edge", user=user, call_id=call_id)
        first, first_s = self.ask(plain)
        found = [(_shape(first, user), first_s)]
        if first.status == 401:
            wrong = answer(again(plain), first, user=user, password="guess")
            second, second_s = self.ask(wrong)
            found.append((_shape(second, user), second_s))
        return found


def _shape(response: Response, user: str) -> str:
    text = response.render().decode()
    text = re.sub(r'nonce="[^"]*"|tag=[^;\s]*|branch=[^;\s]*|^Call-ID.*$|rport=\d+', "-", text, flags=re.MULTILINE)
    return text.replace(user, "USER")


@pytest.mark.parametrize("method", METHODS)
async def test_the_answers_are_the_same_to_the_letter(running, method):
    guesser = Guesser(running.udp)
    try:
        known = await asyncio.to_thread(guesser.guess, method, KNOWN, "a")
        unknown = await asyncio.to_thread(guesser.guess, method, UNKNOWN, "b")
    finally:
        guesser.close()
    assert [shape for shape, _ in known] == [shape for shape, _ in unknown]


async def test_the_times_are_the_same(running):
    """By turns, so that a busy machine meets both; the medians may differ by a tenth, which no network lets through."""
    guesser = Guesser(running.udp)
    took: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}

    def guess_by_turns() -> None:
        for number in range(ROUNDS):
            for user in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
                took[user].append(guesser.guess("REGISTER", user, f"{user}-{number}")[1][1])

    try:
        await asyncio.to_thread(guess_by_turns)
    finally:
        guesser.close()
    known, unknown = (statistics.median(took[user]) for user in (KNOWN, UNKNOWN))
    assert abs(known - unknown) < 0.1 * max(known, unknown)
