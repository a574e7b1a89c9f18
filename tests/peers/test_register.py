"""Real phones register, refresh, fail and come back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.device import DigestOffer
from sip.settings import SipSettings
from tests.fakes.sip import REALM, FakeAccounts
from tests.fakes.sip_service import Running, until
from tests.peers.baresip import Baresip, BaresipSettings
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.sipwatch import SipWatch

USER, PASSWORD = "10000001", "a-password-of-24-letters"
PHONES_HAVE_S = 15.0


@asynccontextmanager
async def serving(ip: str, folder: Path, **settings: object) -> AsyncIterator[Running]:
    """The service on port 5060 of *ip*, everything it sends judged at the end."""
    chosen = SipSettings(**{"listen": (ip,), "port": 5060, **settings})
    accounts = FakeAccounts({USER: PASSWORD, "10000002": PASSWORD})
    watch = SipWatch(folder / "register.pcapng", [ip])
    async with watch, Running(chosen, accounts=accounts) as running:
        yield running
        assert running.endpoint.counters["handler_errors"] == 0
    assert watch.malformed(sender=ip) == []


def pjsua(ip: str, server: str, transport: str, password: str = PASSWORD) -> Phone:
    return Phone(
        PhoneSettings(
            ip=ip, user=USER, password=password, domain=REALM, transport=transport,
            registrar=f"sip:{server};transport={transport}", proxy=f"sip:{server};transport={transport};lr",
        ),
        engine="pjsua",
    )  # fmt: skip


@pytest.mark.peer("pjsua2", "tshark")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_pjsua_registers_and_unregisters(tmp_path: Path, addresses: Iterator[str], transport: str) -> None:
    ip = next(addresses)
    async with serving(ip, tmp_path) as running:
        async with pjsua(next(addresses), f"{ip}:5060", transport) as phone:
            await phone.registered()
            assert len(running.live(USER)) == 1
            (binding,) = running.service.registrar.table.everything()
            assert binding.flow.transport == transport.upper()
        await until(lambda: not running.live(USER), PHONES_HAVE_S)


@pytest.mark.peer("linphone", "tshark")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_linphone_registers(tmp_path: Path, addresses: Iterator[str], transport: str) -> None:
    ip = next(addresses)
    async with serving(ip, tmp_path) as running:
        settings = LinphoneSettings(
            ip=next(addresses), user=USER, password=PASSWORD, server=f"{ip}:5060", transport=transport
        )
        async with Linphone(tmp_path, settings) as phone:
            await phone.registered()
            assert len(running.live(USER)) == 1


@pytest.mark.peer("baresip", "tshark")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_baresip_that_never_answers_sha_256_is_offered_md5_alone(
    tmp_path: Path, addresses: Iterator[str], transport: str
) -> None:
    """It waits longer and longer between tries, so it is switched off and on here."""
    ip = next(addresses)
    settings = BaresipSettings(
        ip=next(addresses), user=USER, password=PASSWORD, server=f"{ip}:5060", transport=transport
    )
    async with serving(ip, tmp_path) as running:
        for start in range(1, 4):
            async with Baresip(tmp_path / str(start), settings):
                await until(lambda: running.endpoint.counters["digest_no_answer"] >= start, PHONES_HAVE_S)  # noqa: B023  # called before the loop goes on
            assert running.accounts.fallen_back == []
        async with Baresip(tmp_path / "last", settings):
            await until(lambda: running.live(USER), PHONES_HAVE_S)
    assert running.accounts.fallen_back == [USER]


@pytest.mark.peer("baresip", "linphone", "pjsua2", "tshark")
async def test_a_wrong_password_registers_nobody_and_hurts_nobody_else(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    ip = next(addresses)
    server = f"{ip}:5060"
    async with serving(ip, tmp_path) as running:
        running.accounts.offers[USER] = DigestOffer.MD5
        good = PhoneSettings(
            ip=next(addresses), user="10000002", password=PASSWORD, domain=REALM, registrar=f"sip:{server}",
            proxy=f"sip:{server};lr",
        )  # fmt: skip
        linphone = LinphoneSettings(ip=next(addresses), user=USER, password="guess", server=server)
        baresip = BaresipSettings(ip=next(addresses), user=USER, password="guess", server=server)
        async with (
            Linphone(tmp_path, linphone),
            Baresip(tmp_path, baresip),
            pjsua(next(addresses), server, "udp", "guess") as phone,
            Phone(good, engine="pjsua") as neighbour,
        ):
            await phone.wait("registration", 8.0, status=401)
            await until(lambda: running.endpoint.counters["digest_wrong"] >= 6, PHONES_HAVE_S)
            await neighbour.registered()
            assert running.live(USER) == []
            assert running.live("10000002")


@pytest.mark.peer("pjsua2", "tshark")
async def test_phones_answer_our_pings_and_one_that_died_is_noticed(
    tmp_path: Path, addresses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sip.keepalive.ANSWER_WITHIN_S", 0.5)
    ip = next(addresses)
    async with serving(ip, tmp_path, ping_interval_s=0.5, ping_failures=2) as running:
        phone = pjsua(next(addresses), f"{ip}:5060", "udp")
        async with phone:
            await phone.registered()
            await asyncio.sleep(2.0)  # four pings
            assert running.live(USER)
            assert running.endpoint.counters["requests_failed_timeout"] == 0
            assert phone.pid is not None
            os.kill(phone.pid, signal.SIGKILL)
            await until(lambda: not running.live(USER), PHONES_HAVE_S)
            assert len(running.service.registrar.table) == 1  # registered still, but not rung
