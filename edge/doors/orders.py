"""Telling panels to hold their doors open, and to let go, when an operator's orders change."""

from edge.core.orders import PanelOrder, to_tell
from edge.core.ports import Clock, DevicePlane
from edge.core.snapshot import Snapshot
from edge.doors import rows
from edge.doors.background import Background
from edge.doors.commits import Commits
from edge.doors.work import Told, Work


class OrderTeller:
    """Watches the world. What became of a command is a row in the journal under the order's id."""

    def __init__(self, clock: Clock, plane: DevicePlane, commits: Commits, background: Background) -> None:
        self._clock = clock
        self._plane = plane
        self._commits = commits
        self._background = background

    def world_changed(self, before: Snapshot, after: Snapshot) -> None:
        """To be called with each new snapshot; returns at once."""
        for order in to_tell(before, after, self._clock.now_ms()):
            self._background.spawn("an operator's order", self._tell(order))

    async def _tell(self, order: PanelOrder) -> None:
        verb = "hold" if order.seconds else "release"
        fields: dict[str, object] = {"relays": list(order.relays)}
        if order.seconds:
            fields["seconds"] = order.seconds
        result = await self._plane.command(order.device.mac, verb, fields)
        row = rows.command_row(verb, result, order.order, order.device.id, self._clock.now_ms(), fields)
        await self._commits.in_time(Work(row.at_ms, Told((row,))))
