"""A telephone behind the NAT of a home: it registers, is rung and calls, and both sides hear each other.

Collected only where network namespaces can be made: in a container without that right there is nothing to skip.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.phone.loopback import AddressBlock
from models.call import CallOutcome
from tests.fakes.b2bua import DOOR, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers import home as homes
from tests.peers import tone
from tests.peers.home import Home
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.test_b2bua import HEARD_S, TALK_S, End, LinphoneEnd, PjsuaEnd, pjsua

__test__ = homes.possible()  # pytest's own word for "collect this module"
USERS = (DOOR, MONITOR)


@asynccontextmanager
async def at_home(kind: str, home: Home, house: CallingHouse, folder: Path) -> AsyncIterator[End]:
    """The monitor, behind the NAT, says 880 Hz."""
    server = f"{home.outside}:5060"
    if kind == "pjsua2":
        phone = pjsua(
            house, homes.ADDRESS, MONITOR, folder, tone_hz=880, registrar=f"sip:{server}", proxy=f"sip:{server};lr"
        )
        phone.argv = (*home.inside, *phone.argv)
        async with phone:
            await phone.registered()
            yield PjsuaEnd(phone)
    else:
        wav = tone.make(folder / "880.wav", 880)
        linphone = Linphone(folder, LinphoneSettings(homes.ADDRESS, MONITOR, f"pw{MONITOR}", server=server, wav=wav))
        linphone.argv = (*home.inside, *linphone.argv)
        async with linphone:
            await linphone.registered()
            yield LinphoneEnd(linphone)


@pytest.mark.peer("pjsua2", "linphone", "nft")
@pytest.mark.parametrize("kind", ["pjsua2", "linphone"])
async def test_a_telephone_behind_a_nat_is_rung_and_calls(
    tmp_path: Path, addresses: Iterator[str], loopback_block: AddressBlock, kind: str
) -> None:
    with Home.built(loopback_block.block) as home:
        house = CallingHouse(next(addresses), USERS, plan([target(MONITOR)]), also=(home.outside,))
        async with (
            house,
            pjsua(house, next(addresses), DOOR, tmp_path, tone_hz=440) as door,
            at_home(kind, home, house, tmp_path) as monitor,
        ):
            await door.registered()
            (binding,) = house.registrar.live(MONITOR, 0)
            # RFC 3581: where it really came from, whatever it says in Via and Contact.
            assert binding.flow.remote.host == home.public
            assert binding.flow.remote.port in homes.PORTS
            mark = door.call(f"sip:101@{house.server}")
            await monitor.ring_then_answer()
            await monitor.talking()
            await door.state("confirmed", since=mark)
            await asyncio.sleep(TALK_S + 0.6)  # the relay has to learn where the home is
            door.hang_up()
            heard_at_home, heard_at_door = await monitor.closed(), await PjsuaEnd(door).closed()
            await house.over()
            house.desk.plan_ = plan([target(DOOR)])
            mark = door.events.mark()
            await monitor.call(f"sip:102@{home.outside}")
            await door.wait("incoming", since=mark)
            door.answer(200)
            await door.state("confirmed", since=mark)
            await monitor.hang_up()
            await door.wait("closed", since=mark)
            await house.over()
            assert house.desk.record.outcome is CallOutcome.ANSWERED
            assert house.wire.dialled == []
    assert tone.seconds_of(heard_at_home, 440) >= HEARD_S
    assert tone.seconds_of(heard_at_door, 880) >= HEARD_S
