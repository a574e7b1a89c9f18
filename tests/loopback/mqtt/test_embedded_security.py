"""The embedded broker, as a child process on loopback, against what nobody may do; and what only it promises."""

import asyncio
from pathlib import Path

import pytest

from tests.mqtt_lab.lab import DOOR, MONITOR, lab, up
from tests.mqtt_lab.security import BrokerSecurity, serves


class TestEmbedded(BrokerSecurity):
    kind = "embedded"

    @pytest.mark.slow
    async def test_connections_that_say_nothing_are_dropped_after_ten_seconds(
        self, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            silent = [await room.wire() for _ in range(300)]
            async with asyncio.timeout(12):
                await asyncio.gather(*(wire.closed.wait() for wire in silent))
            assert await serves(room)

    @pytest.mark.parametrize("wanted", ["#", "+/+/+/down/#", f"intercom/c-1/{MONITOR}/down/open", "a/#/b", "a/b+"])
    async def test_a_filter_that_reaches_outside_or_is_none_is_refused(
        self, wanted: str, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR)
            assert await door.subscribe(wanted) == 128

    async def test_a_device_keeps_a_bounded_number_of_retained_topics(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR)
            for n in range(80):
                await door.publish(up(DOOR, f"x/{n}"), b"x", retain=True)
            service = await room.service()
            await service.subscribe("intercom/c-1/#")
            await service.echo("intercom/c-1/service/echo")
            assert sum(heard.retain for heard in service.heard) == 64

    async def test_messages_begun_and_never_finished_are_bounded(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR)
            topic = up(DOOR, "x").encode()
            for mid in range(1, 102):
                body = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + b"x"
                door.send(b"\x34" + bytes((len(body),)) + body)
            await door.until_closed(5)
            assert await serves(room)

    async def test_mqtt_5_is_refused_and_not_left_hanging(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            wire = await room.wire()
            assert await wire.login(DOOR, DOOR, "x", level=5) in (1, "closed")  # 1: unacceptable protocol version
            await wire.until_closed(2)
