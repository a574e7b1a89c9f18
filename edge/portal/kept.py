"""What each resident's apps are shown, kept until something that it depends on is otherwise.

A look at everybody comes twice a second. Judging every relay of every door for each of them anew would take a good part
of a core in a large house, and nearly always find what was found before.
"""

from collections.abc import Callable, Mapping
from typing import Final

from edge.core.snapshot import Snapshot
from edge.portal import state
from models.community import Resident
from models.ids import Mac, ResidentId

_MINUTE_MS: Final = 60_000  # hours of doors, relays and credentials begin and end with a minute
_SECOND_MS: Final = 1_000  # operators' orders with a second


class Kept:
    """Of one portal. Holds one value for each resident with an app, of one snapshot."""

    def __init__(self, online: Callable[[Mac], bool], face: Mapping[str, object]) -> None:
        """*online*: whether a device is there; *face*: what the community shows of itself."""
        self._online, self._face = online, face
        self._snapshot: Snapshot | None = None
        self._doors: tuple[Mac, ...] = ()
        self._known: dict[ResidentId, tuple[object, state.Json]] = {}

    def person(self, snapshot: Snapshot, resident: Resident, now_ms: int) -> Mapping[str, object]:
        """As `edge.portal.state.person`, now. The same value as long as it would be equal; not to be changed."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._doors = tuple(device.mac for device in snapshot.devices.values() if device.type.is_door)
            self._known.clear()
        moment = now_ms // (_SECOND_MS if snapshot.orders else _MINUTE_MS)
        key = (moment, resident.app_works(now_ms), tuple(map(self._online, self._doors)))
        known = self._known.get(resident.id)
        if known is None or known[0] != key:
            known = self._known[resident.id] = (key, state.person(snapshot, resident, now_ms, self._online, self._face))
        return known[1]
