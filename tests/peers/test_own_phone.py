"""The own phone against PJSUA2: what the demo and `edge call test` use where there is no PJSUA2 wheel."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.phone.handle import Phone, PhoneSettings
from tests.peers import tone
from tests.peers.trunk import REALM, Trunk

TALK_S = 1.5


@pytest.mark.peer("pjsua2")
@pytest.mark.parametrize(("caller", "callee"), [("own", "pjsua"), ("pjsua", "own")])
async def test_a_call_has_both_tones_and_both_kinds_of_dtmf(
    tmp_path: Path, addresses: Iterator[str], caller: str, callee: str
) -> None:
    here, there = next(addresses), next(addresses)
    ours = PhoneSettings(ip=here, user="a", port=5060, tone_hz=440, record_dir=str(tmp_path))
    theirs = PhoneSettings(ip=there, user="b", port=5060, tone_hz=880, record_dir=str(tmp_path))
    async with Phone(ours, caller) as a, Phone(theirs, callee) as b:
        mark = a.call(f"sip:b@{there}")
        await a.state("early", since=mark)
        await a.state("confirmed", since=mark)
        await b.state("confirmed")
        await asyncio.sleep(TALK_S)
        a.dtmf("12#")
        await b.wait("dtmf", digit="#", by="rfc4733")
        b.dtmf("4", by="info")
        await a.wait("dtmf", digit="4", by="info")
        assert (await a.stats())["received"] > 50
        b.hang_up()
        await a.wait("closed")
        await b.wait("closed")
        assert (a.digits, b.digits) == ("4", "12#")
        assert a.wav is not None
        assert b.wav is not None
        assert tone.seconds_of(a.wav, 880) >= 1
        assert tone.seconds_of(b.wav, 440) >= 1
    assert (a.status, b.status) == (0, 0)


@pytest.mark.peer("pjsua2")
@pytest.mark.parametrize(("caller", "callee"), [("own", "pjsua"), ("pjsua", "own")])
async def test_busy_and_a_caller_who_gives_up(
    tmp_path: Path, addresses: Iterator[str], caller: str, callee: str
) -> None:
    here, there = next(addresses), next(addresses)
    busy = PhoneSettings(ip=there, user="b", port=5060, answer_steps=((0, 486),))
    async with Phone(PhoneSettings(ip=here, user="a", port=5060), caller) as a, Phone(busy, callee) as b:
        mark = a.call(f"sip:b@{there}")
        assert (await a.state("disconnected", since=mark))["status"] == 486
        await b.answer_steps((0, 180))
        mark = a.call(f"sip:b@{there}")
        await a.state("early", since=mark)
        a.hang_up()
        assert (await a.state("disconnected", since=mark))["status"] == 487
        assert (await b.state("disconnected", status=487))["status"] == 487


@pytest.mark.peer("kamailio", "pjsua2")
async def test_it_answers_the_challenges_of_a_registrar_and_of_a_proxy(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    trunk_ip, far_ip = next(addresses), next(addresses)
    far_settings = PhoneSettings(ip=far_ip, user="far", port=5070)
    house = PhoneSettings(
        ip=next(addresses), user="house", password="secret-of-the-house", domain=REALM,
        registrar=f"sip:{trunk_ip}:5060", proxy=f"sip:{trunk_ip}:5060;lr",
    )  # fmt: skip
    trunk = Trunk(tmp_path, trunk_ip, {"house": "secret-of-the-house"}, f"{far_ip}:5070")
    async with trunk, Phone(far_settings) as far, Phone(house, "own") as phone:
        await phone.registered()
        mark = phone.call(f"sip:0123456@{REALM}")
        await phone.state("confirmed", since=mark)
        phone.hang_up()
        await far.wait("closed")
        far.do("call", to=f"sip:house@{trunk_ip}:5060")
        await phone.state("confirmed", since=mark + 4)
    assert phone.status == 0
