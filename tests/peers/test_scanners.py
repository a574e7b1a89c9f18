"""SIPVicious and sipsak against the whole daemon: nobody is found, guessers are shut out, and their neighbours are not.

The programs send from 127.0.0.1 whatever they are told, so that is the address of the NAT here.
"""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from edge.phone.handle import Phone
from edge.phone.loopback import AddressBlock
from sip.message import Request, Response
from sip.parser import parse
from tests.fakes.sip import again, answer, request
from tests.peers.scanners import output_of, scan
from tests.peers.site import Login, Running, house
from tests.peers.street import ANSWERS

DOOR, MONITOR = "0C1105E00001", "0C1105E00002"
NAT: Final = "127.0.0.1"
UNKNOWN: Final = "12345678"
NOBODY_STOPS: Final = {"sip": {"bans": False, "source_rate_per_s": 0}}
NOTHING: Final = "found nothing"
GIVES_UP: Final = "--maximumtime=2"
ROUNDS: Final = 250
WITHIN_S: Final = 5.0
# 250 against 250: a rank statistic of equals is within this of a half but once in 100,000 runs.
UNTOLD: Final = 0.12


@asynccontextmanager
async def furnished(
    folder: Path, address: str, settings: Mapping[str, Mapping[str, Any]] | None = None, *, watch: bool = True
) -> AsyncIterator[tuple[Running, Login, Login]]:
    """A house with a door and the monitor of apartment 101. With *watch*, all that it sent was well-formed."""
    async with house(folder, address, settings=settings, watch=watch, judged=watch) as running:
        await running.edge("building", "add", "A")
        await running.edge("apartment", "add", "A/101")
        door = await running.device(DOOR, "Gate", "--type", "0", "--place", "public")
        monitor = await running.device(MONITOR, "Hall", "--type", "2", "--apartment", "A/101")
        (folder / "scans").mkdir()
        yield running, door, monitor
    if watch:
        running.well_formed()


def words(folder: Path, name: str, *some: str) -> str:
    """A dictionary of 60 wrong words, then *some*, then one more."""
    path = folder / name
    path.write_text("\n".join([*(f"{20_000_000 + number}" for number in range(60)), *some, "last", ""]))
    return str(path)


async def defence(running: Running) -> dict[str, int]:
    counted: dict[str, int] = (await running.edge("status"))["defence"]
    return counted


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unguarded(
    tmp_path_factory: pytest.TempPathFactory, loopback_block: AddressBlock
) -> AsyncIterator[tuple[str, Path, Login, Login]]:
    """Address, folder and logins of a house that bans nobody and has no limits: what scanners see is all there is."""
    folder, ip = tmp_path_factory.mktemp("unguarded"), loopback_block.address()
    async with furnished(folder, ip, NOBODY_STOPS) as (_, door, monitor):
        yield ip, folder, door, monitor


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.peer("sipvicious", "tshark")
async def test_svwar_finds_no_user_even_if_nobody_stops_it(unguarded: tuple[str, Path, Login, Login]) -> None:
    ip, folder, door, monitor = unguarded
    users = words(folder, "users", door.sip["user"], monitor.sip["user"], "101", "admin")
    asked = [["-m", method, *forced] for method in ("REGISTER", "INVITE", "OPTIONS") for forced in ([], ["--force"])]
    found = await asyncio.gather(
        *(scan(folder / "scans", "svwar", ip, "-d", users, GIVES_UP, *options) for options in asked)
    )
    assert [text for text in found if NOTHING not in text] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.peer("sipvicious", "tshark")
async def test_the_scanners_work_where_nobody_stops_them(unguarded: tuple[str, Path, Login, Login]) -> None:
    """So that what they do not find elsewhere means something."""
    ip, folder, door, _ = unguarded
    passwords = words(folder, "passwords", door.sip["password"])
    found = await asyncio.gather(
        scan(folder / "scans", "svcrack", ip, "-u", door.sip["user"], "-d", passwords),
        scan(folder / "scans", "svmap", ip),
    )
    assert door.sip["password"] in found[0]
    assert f"{ip}:5060" in found[1]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.peer("sipsak", "tshark")
async def test_sipsak_sees_no_difference_between_users(unguarded: tuple[str, Path, Login, Login]) -> None:
    """To the letter, in all that it can ask."""
    ip, folder, door, _ = unguarded
    shown = [await sipsak_sees(folder / "scans", ip, user) for user in (door.sip["user"], UNKNOWN)]
    assert shown[0] == shown[1]
    assert "401 Unauthorized" in shown[0]
    assert "200 OK" in shown[0]


async def sipsak_sees(folder: Path, ip: str, user: str) -> str:
    """OPTIONS, and REGISTER with a wrong password, without what is different each time."""
    uri = f"sip:{user}@{ip}"
    pinged = await output_of(folder, "sipsak", "-vv", "-s", uri)
    registered = await output_of(folder, "sipsak", "-vv", "-i", "-U", "-a", "guess", "-s", uri)
    text = re.sub(
        r'nonce="[^"]*"|tag=\w+|branch=[\w.]+|^Call-ID.*$|rport=\d+|:\d{5}\b|\d+\.\d+ ms',
        "-",
        pinged + registered,
        flags=re.MULTILINE,
    )
    return text.replace(user, "USER")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.peer("pjsua2", "tshark")
async def test_the_time_of_an_answer_tells_no_more_than_chance(
    unguarded: tuple[str, Path, Login, Login], addresses: Iterator[str]
) -> None:
    """A user with a telephone, one without, and nobody: by turns, and the whole distributions are compared."""
    ip, _, door, monitor = unguarded
    users = (door.sip["user"], monitor.sip["user"], UNKNOWN)
    async with Phone(door.pjsua(next(addresses))) as phone:
        await phone.registered()
        took = await asyncio.to_thread(guess_by_turns, (ip, 5060), users)
    for user in users[:2]:
        slower = chance_of_slower(took[user], took[UNKNOWN])
        assert abs(slower - 0.5) < UNTOLD, (user, slower)


def guess_by_turns(place: tuple[str, int], users: tuple[str, ...]) -> dict[str, list[float]]:
    """Seconds to the refusal of a wrong password, by user."""
    took: dict[str, list[float]] = {user: [] for user in users}
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as guesser:
        guesser.settimeout(WITHIN_S)
        guesser.connect(place)
        for number in range(ROUNDS):
            for turn in range(len(users)):
                user = users[(turn + number) % len(users)]
                plain = request("REGISTER", "sip:edge", user=user, call_id=f"{user}-{number}")
                challenge, _ = ask(guesser, plain)
                refused, seconds = ask(guesser, answer(again(plain), challenge, user=user, password="guess"))
                assert refused.status == 401
                took[user].append(seconds)
    return took


def ask(guesser: socket.socket, message: Request) -> tuple[Response, float]:
    """The answer, and the seconds that it took."""
    data = message.render()
    began = time.perf_counter()
    guesser.send(data)
    heard = parse(guesser.recv(65535))
    seconds = time.perf_counter() - began
    assert isinstance(heard, Response)
    return heard, seconds


def chance_of_slower(some: list[float], others: list[float]) -> float:
    """The probability that one of *some* is greater than one of *others*: a half where they are alike."""
    greater = sum(one > other for one in some for other in others)
    return greater / (len(some) * len(others))


@pytest.mark.peer("sipvicious", "sipsak", "pjsua2")
async def test_a_guesser_is_shut_out_and_a_phone_behind_its_address_is_not(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    """What sipsak spoils comes back spoilt in our refusals, as RFC 3261 §8.2.6.2 wants it: no watch here."""
    ip = next(addresses)
    async with furnished(tmp_path, ip, watch=False) as (running, door_login, monitor_login):
        passwords = words(tmp_path, "passwords", monitor_login.sip["password"])
        crack = ["svcrack", ip, "-u", monitor_login.sip["user"], "-d", passwords, GIVES_UP]
        settings = door_login.pjsua(NAT, port=0, tone_hz=440)
        async with Phone(monitor_login.pjsua(next(addresses), answer_steps=ANSWERS)) as monitor:
            await monitor.registered()
            async with Phone(settings) as door:
                await door.registered()
                guessing = asyncio.ensure_future(scan(tmp_path / "scans", *crack))
                await calls(running, door, monitor)
                assert monitor_login.sip["password"] not in await guessing
                counted = await defence(running)
                assert counted["banned_sources"] == 1
                assert counted["digest_wrong"] <= 25
            async with Phone(settings) as returned:  # its NAT gives it another port; the ban goes on
                await returned.registered()
                named = scan(tmp_path / "scans", "svmap", ip, "-P", "5999", disguised=False)
                rubbish = output_of(tmp_path / "scans", "sipsak", "-R", "-t", "40", "-s", f"sip:101@{ip}")
                heard, *_ = await asyncio.gather(named, rubbish, calls(running, returned, monitor))
                assert NOTHING in heard, "one that gives its name gets no answer at all"
                assert (await defence(running))["banned_sources"] == 2


async def calls(running: Running, door: Phone, monitor: Phone) -> None:
    """A call of the door that is answered and hung up."""
    mark, since = monitor.events.mark(), door.call(running.uri("101"))
    await door.state("confirmed", since=since)
    door.hang_up()
    await door.state("disconnected", since=since)
    await monitor.wait("closed", since=mark)
