"""Reboot, reset, AutoP, arming: asked of a device over the device plane, and audited with what became of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.core.ports import Clock, World
from edge.fleet.verbs import NotForThis, autop_lines, check
from models.device_events import OpenResult
from models.ids import Mac, new_id
from models.log import LogEntry, LogKind


class Commands(Protocol):
    """The part of the device plane that is needed here."""

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an order came to. *result* is None where it was refused, *why* saying so in words."""

    result: OpenResult | None
    why: str = ""

    @property
    def done(self) -> bool:
        return self.result is OpenResult.OPENED


WORDS: Mapping[OpenResult, str] = {
    OpenResult.OPENED: "done",
    OpenResult.REFUSED: "the device refused",
    OpenResult.OFFLINE: "the device is offline",
    OpenResult.NO_ACK: "the device did not answer within 3 s; it may have done it all the same",
}


class Maintenance:
    """Gives orders to devices, one at a time for each device. *keep* commits a row of the journal."""

    def __init__(
        self, world: World, clock: Clock, plane: Commands, keep: Callable[[LogEntry], Awaitable[object]]
    ) -> None:
        self._world = world
        self._clock = clock
        self._plane = plane
        self._keep = keep
        self._busy: set[Mac] = set()

    async def order(self, mac: Mac, verb: str, lines: tuple[str, ...], by: str) -> Outcome:
        """Have the device *mac* do *verb*; its lines are for ``autop``. Returns when it answered, or after 3 s.

        Raises LookupError where there is no such device, StoreError where the audit row cannot be kept: the order was
        given then all the same.
        """
        device = self._world.snapshot.by_mac.get(mac)
        if device is None:
            raise LookupError(mac)
        try:
            check(verb, device, lines)
            fields: dict[str, object] = {"commands": list(autop_lines(lines))} if lines else {}
        except (NotForThis, ValueError) as error:
            return Outcome(None, str(error))
        if mac in self._busy:
            return Outcome(None, f"{device.name} is carrying out another order")
        self._busy.add(mac)
        try:
            result = await self._plane.command(mac, verb, fields)
        finally:
            self._busy.discard(mac)
        # Lines may hold passwords: the log has how many there were.
        told = {"lines": len(lines)} if lines else {}
        detail = {"by": by, "action": f"device {verb}", "result": result.value, **told}
        await self._keep(LogEntry(LogKind.AUDIT, self._clock.now_ms(), new_id("o"), device=device.id, detail=detail))
        return Outcome(result, WORDS[result])
