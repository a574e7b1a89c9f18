"""The peers themselves, before our server is in question: each calls another through a telephone company."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.phone.handle import Phone, PhoneSettings
from tests.peers import sipp, tone
from tests.peers.baresip import Baresip, BaresipSettings
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.sipp import Sipp
from tests.peers.sipwatch import SipWatch
from tests.peers.trunk import NUMBER_UNALLOCATED, NUMBER_UNAVAILABLE, REALM, Trunk

TALK_S = 2.5
LOGIN = {"house": "secret-of-the-house"}


def house(ip: str, folder: Path, trunk_ip: str, password: str = LOGIN["house"], **more: object) -> Phone:
    """A phone with the house's account at the telephone company."""
    settings = {
        "ip": ip,
        "user": "house",
        "password": password,
        "domain": REALM,
        "proxy": f"sip:{trunk_ip}:5060;lr",
        "port": 5060,
        "tone_hz": 440,
        "record_dir": str(folder),
        "log_file": str(folder / "house.log"),
        **more,
    }
    return Phone(PhoneSettings(**settings))  # type: ignore[arg-type] # fields by name


@pytest.mark.peer("kamailio", "pjsua2", "tshark")
async def test_a_challenged_call_has_both_tones_and_both_kinds_of_dtmf(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    ours, far_ip, trunk_ip = next(addresses), next(addresses), next(addresses)
    far_settings = PhoneSettings(
        ip=far_ip, user="far", port=5070, tone_hz=880, record_dir=str(tmp_path), answer_steps=((0, 183), (0.5, 200))
    )
    watch = SipWatch(tmp_path / "call.pcapng", [trunk_ip, ours])
    async with watch, Trunk(tmp_path, trunk_ip, LOGIN, f"{far_ip}:5070"), Phone(far_settings) as far:
        async with house(ours, tmp_path, trunk_ip) as phone:
            mark = phone.call(f"sip:0123456@{REALM}")
            await phone.state("early", since=mark)
            await phone.state("confirmed", since=mark)
            await asyncio.sleep(TALK_S)
            phone.dtmf("12#")
            await far.wait("dtmf", digit="#", by="rfc4733")
            phone.dtmf("4", by="info")
            await far.wait("dtmf", digit="4", by="info")
            phone.hang_up()
            await phone.wait("closed")
            await far.wait("closed")
        assert phone.status == 0
    assert far.status == 0
    assert far.digits == "12#4"
    assert phone.wav is not None
    assert far.wav is not None
    assert tone.seconds_of(phone.wav, 880) >= 2
    assert tone.seconds_of(far.wav, 440) >= 2
    assert watch.sent_messages(ours)
    assert watch.malformed(ours) == []
    assert watch.malformed(trunk_ip) == []


@pytest.mark.peer("kamailio", "pjsua2")
@pytest.mark.parametrize(
    ("password", "number", "status"),
    [
        ("wrong", "0123456", 407),
        (LOGIN["house"], NUMBER_UNAVAILABLE, 503),
        (LOGIN["house"], NUMBER_UNALLOCATED, 404),
    ],
)
async def test_the_telephone_company_refuses(
    tmp_path: Path, addresses: Iterator[str], password: str, number: str, status: int
) -> None:
    trunk_ip = next(addresses)
    async with (
        Trunk(tmp_path, trunk_ip, LOGIN, f"{next(addresses)}:5070"),
        house(next(addresses), tmp_path, trunk_ip, password) as phone,
    ):
        mark = phone.call(f"sip:{number}@{REALM}")
        assert (await phone.state("disconnected", since=mark))["status"] == status


@pytest.mark.peer("kamailio", "baresip")
async def test_baresip_registers_answers_and_records(tmp_path: Path, addresses: Iterator[str]) -> None:
    ours, far_ip, trunk_ip = next(addresses), next(addresses), next(addresses)
    house_settings = BaresipSettings(ours, "house", LOGIN["house"], server=f"{trunk_ip}:5060", tone_hz=440)
    # it takes only calls to its own user
    far_settings = BaresipSettings(far_ip, "0123456", port=5070, tone_hz=880)
    async with (
        Trunk(tmp_path, trunk_ip, LOGIN, f"{far_ip}:5070"),
        Baresip(tmp_path, far_settings) as far,
        Baresip(tmp_path, house_settings) as phone,
    ):
        await phone.registered()
        await phone.call(f"sip:0123456@{trunk_ip}")
        await far.event("CALL_INCOMING")
        await phone.event("CALL_RINGING")
        await far.answer()
        await phone.event("CALL_ESTABLISHED")
        await asyncio.sleep(TALK_S)
        await phone.dtmf("12#")
        await far.event("CALL_DTMF_START", param="#")
        await phone.hang_up()
        await far.event("CALL_CLOSED")
        await phone.event("CALL_CLOSED")
    assert (phone.status, far.status) == (0, 0)
    assert far.digits == "12#"
    assert tone.seconds_of(far.heard, 440) >= 2
    assert tone.seconds_of(phone.heard, 880) >= 2


@pytest.mark.peer("kamailio", "linphone", "pjsua2")
async def test_linphone_registers_answers_and_records(tmp_path: Path, addresses: Iterator[str]) -> None:
    ours, far_ip, trunk_ip = next(addresses), next(addresses), next(addresses)
    wav = tone.make(tmp_path / "440.wav", 440)
    settings = LinphoneSettings(ours, "house", LOGIN["house"], server=f"{trunk_ip}:5060", wav=wav)
    far_settings = PhoneSettings(ip=far_ip, user="far", port=5070, tone_hz=880, record_dir=str(tmp_path))
    async with (
        Trunk(tmp_path, trunk_ip, LOGIN, f"{far_ip}:5070"),
        Phone(far_settings) as far,
        Linphone(tmp_path, settings) as phone,
    ):
        await phone.registered()
        phone.call(f"sip:0123456@{trunk_ip}")
        await far.state("confirmed")
        await phone.says("Media streams established")
        await asyncio.sleep(TALK_S)
        await phone.dtmf("12#")
        await far.wait("dtmf", digit="#")
        phone.hang_up()
        await far.wait("closed")
    assert phone.status == 0
    assert far.digits == "12#"
    assert far.wav is not None
    assert tone.seconds_of(far.wav, 440) >= 2
    assert tone.seconds_of(phone.heard, 880) >= 2


@pytest.mark.peer("sipp", "pjsua2")
@pytest.mark.parametrize(("password", "status"), [(sipp.TRUNK_PASSWORD, 200), ("wrong", 403)])
async def test_sipp_verifies_a_digest(tmp_path: Path, addresses: Iterator[str], password: str, status: int) -> None:
    trunk_ip = next(addresses)
    async with (
        Sipp(tmp_path, "trunk_verifies.xml", ip=trunk_ip, echo=True),
        house(next(addresses), tmp_path, trunk_ip, password, user=sipp.TRUNK_USER) as phone,
    ):
        mark = phone.call(f"sip:0123456@{REALM}")
        end = await phone.state("confirmed" if status == 200 else "disconnected", since=mark)
        assert end["status"] == status


@pytest.mark.peer("kamailio", "sipp")
async def test_sipp_places_calls_and_cancels_them(tmp_path: Path, addresses: Iterator[str]) -> None:
    trunk_ip, far_ip = next(addresses), next(addresses)
    rows = [sipp.login_row("house", LOGIN["house"], "0123456")]
    async with Trunk(tmp_path, trunk_ip, LOGIN, f"{far_ip}:5070"):
        for callee, caller in (("uas.xml", "uac_bye.xml"), ("uas_ring.xml", "uac_cancel.xml")):
            async with Sipp(tmp_path, callee, ip=far_ip, port=5070, echo=True):
                load = Sipp(tmp_path, caller, ip=next(addresses), target=f"{trunk_ip}:5060", rows=rows, calls=5)
                assert await load.finished(30) == sipp.ALL_PASSED
