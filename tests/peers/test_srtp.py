"""A baresip with SRTP at the door, an ordinary telephone inside: they hear each other."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sip.media.engine import CALLER_END
from tests.fakes.b2bua import DOOR, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.loopback.sip_call.test_own_phones import own_phone
from tests.peers import tone
from tests.peers.baresip import Baresip, BaresipSettings

pytest.importorskip("pylibsrtp")
pytestmark = pytest.mark.peer("baresip")


@pytest.mark.parametrize("encryption", ["srtp", "srtp-mand"])
async def test_a_baresip_with_srtp_talks_to_a_telephone_without(
    tmp_path: Path, addresses: Iterator[str], encryption: str
) -> None:
    async with CallingHouse(next(addresses), (DOOR, MONITOR), plan([target(MONITOR)])) as house:
        house.offer_md5(DOOR)
        settings = BaresipSettings(
            next(addresses), DOOR, f"pw{DOOR}", server=house.server, tone_hz=440, media_encryption=encryption
        )
        callee = own_phone(
            house, next(addresses), MONITOR, tone_hz=880, answer_steps=((0, 200),), record_dir=str(tmp_path)
        )
        async with Baresip(tmp_path, settings) as door, callee as monitor:
            await door.registered()
            await monitor.registered()
            await door.call(f"sip:101@{house.server}")
            await door.event("CALL_ESTABLISHED")
            await asyncio.sleep(2.5)
            (session,) = house.sessions
            (counted,) = session.stats(CALLER_END)
            assert counted.packets > 50
            assert counted.malformed <= 1, "it opens with a datagram that is no SRTP"
            await door.hang_up()
            ended = await monitor.wait("closed")
            await door.event("CALL_CLOSED")
        await house.over()
    assert tone.seconds_of(Path(str(ended["wav"])), 440) >= 1.0
    assert tone.seconds_of(door.heard, 880) >= 1.0
