"""What both links know of the devices, and the desk they report to."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from edge.core.ports import Clock, DeviceDesk
from models.ids import Mac
from mqtt.clock import DeviceClocks
from mqtt.comings import Comings
from mqtt.payloads import Refused
from mqtt.presence import Presence
from mqtt.refusals import Refusals
from mqtt.topics import Topics, Up

STORE_OFFSET_STEP_MS: Final = 500  # a smaller move of a clock is not worth a write


class ClockOffsets(Protocol):
    """Where learnt clock offsets outlive a restart."""

    def clock_offsets_ms(self) -> Mapping[Mac, int]:
        """Device clock minus ours, 0 where it is not known. Called once, at start."""
        ...

    def clock_offset_learnt(self, device: Mac, offset_ms: int) -> None:
        """Store it when convenient; returns at once."""
        ...


class Devices:
    """Clocks, presence, comings, refusals and counters of one community's devices."""

    def __init__(self, topics: Topics, clock: Clock, offsets: ClockOffsets) -> None:
        self.topics = topics
        self._desk: DeviceDesk | None = None
        self.clock = clock
        stored_ms = {device: offset_ms for device, offset_ms in offsets.clock_offsets_ms().items() if offset_ms}
        self.clocks = DeviceClocks(stored_ms)
        self.presence = Presence()
        self.comings = Comings()
        self.refusals = Refusals()
        self.counts: Counter[str] = Counter()
        self.known: frozenset[Mac] = frozenset()  # those with an account
        self._offsets = offsets
        self._stored_ms: dict[Mac, int] = dict(stored_ms)

    @property
    def desk(self) -> DeviceDesk:
        if self._desk is None:
            raise RuntimeError("the device plane started without a desk")
        return self._desk

    @desk.setter
    def desk(self, desk: DeviceDesk) -> None:
        self._desk = desk

    def refuse(self, device: Mac, kind: Up, refused: Refused) -> None:
        self.refusals.add(device, kind, refused, self.clock.monotonic())

    def too_late(self, device: Mac, at_ms: int, *, may_have_waited: bool) -> bool:
        """As in `DeviceClocks.too_late`, now."""
        return self.clocks.too_late(
            device,
            at_ms,
            now_ms=self.clock.now_ms(),
            now_s=self.clock.monotonic(),
            may_have_waited=may_have_waited,
        )

    def hello_at(self, device: Mac, at_ms: int) -> None:
        """A hello that cannot have waited told the device's time."""
        self._store(device, self.clocks.learn_hello(device, at_ms, self.clock.now_ms()))

    def ack_at(self, device: Mac, at_ms: int, sent_s: float) -> None:
        """The ack of a command sent at *sent_s* (monotonic seconds) told the device's time."""
        sent_ago_s = self.clock.monotonic() - sent_s
        offset_ms = self.clocks.learn_ack(device, at_ms, self.clock.now_ms(), sent_ago_s)
        if offset_ms is not None:
            self._store(device, offset_ms)

    def _store(self, device: Mac, offset_ms: int) -> None:
        stored_ms = self._stored_ms.get(device)
        if stored_ms is None or abs(stored_ms - offset_ms) >= STORE_OFFSET_STEP_MS:
            self._stored_ms[device] = offset_ms
            # 0 is stored for "not known"; a clock that is right is known, and its messages are asked for their age.
            self._offsets.clock_offset_learnt(device, offset_ms or 1)

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self.clocks.forget(device)
        self.presence.forget(device)
        self.comings.forget(device)
        self.refusals.forget(device)
        self._stored_ms.pop(device, None)
