"""The door desk with one more ear: who came back is told what waited for it."""

from collections.abc import Callable

from edge.core.ports import DeviceDesk
from models.access import Attempt
from models.device_events import DeviceEvent, Hello
from models.ids import Mac


class WithArrivals:
    """Implements `DeviceDesk`: hands everything on, and tells *arrived* of every device that comes (back)."""

    def __init__(self, desk: DeviceDesk, arrived: Callable[[Mac], None]) -> None:
        self._desk = desk
        self._arrived = arrived

    async def attempt(self, attempt: Attempt) -> None:
        await self._desk.attempt(attempt)

    async def event(self, event: DeviceEvent) -> None:
        await self._desk.event(event)

    async def hello(self, hello: Hello) -> None:
        if hello.live:
            self._arrived(hello.device)
        await self._desk.hello(hello)

    async def presence(self, device: Mac, online: bool) -> None:
        if online:
            self._arrived(device)
        await self._desk.presence(device, online)
