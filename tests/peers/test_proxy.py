"""Telephones behind a proxy: Kamailio puts itself into Path and Record-Route, calls and pings find their way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.call import CallOutcome
from tests.fakes.b2bua import DOOR, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers.trunk import EdgeProxy

pytestmark = pytest.mark.peer("kamailio", "pjsua2")


def behind(proxy_ip: str, house: CallingHouse, ip: str, user: str) -> Phone:
    """A telephone that knows the proxy alone."""
    uri = f"sip:{proxy_ip}:5060"
    return Phone(
        PhoneSettings(
            ip, user, f"pw{user}", domain=house.ip, registrar=uri, proxy=f"{uri};lr", port=5060,
            answer_steps=((0, 180), (0.2, 200)),
        ),
        "pjsua",
    )  # fmt: skip


async def test_a_call_between_telephones_behind_a_proxy(tmp_path: Path, addresses: Iterator[str]) -> None:
    ip, proxy_ip = next(addresses), next(addresses)
    async with (
        CallingHouse(ip, (DOOR, MONITOR), plan([target(MONITOR)])) as house,
        EdgeProxy(tmp_path, proxy_ip, house.server),
        behind(proxy_ip, house, next(addresses), DOOR) as door,
        behind(proxy_ip, house, next(addresses), MONITOR) as monitor,
    ):
        await door.registered()
        await monitor.registered()
        for binding in house.registrar.table.everything():
            (through,) = binding.path
            assert through in (f"<sip:{proxy_ip};lr>", f"<sip:{proxy_ip}:5060;lr>")
            assert binding.flow.remote.host == proxy_ip
        mark = door.call(f"sip:101@{house.server}")
        await door.state("confirmed", since=mark)
        await monitor.state("confirmed")
        assert house.wire.dialled == []
        monitor.hang_up()
        await door.state("disconnected", since=mark)
        await house.over()
        assert house.desk.record.outcome is CallOutcome.ANSWERED
        assert house.endpoint.counters["handler_errors"] == 0
