"""Where a target can be rung now: over a live contact binding, or through the trunk."""

from collections.abc import Callable, Sequence
from typing import Final

from edge.core.call_events import ContactRef
from edge.core.ports import Clock
from models.call import LegKind, Target
from sip.registrar import Registrar

TRUNK_KEY: Final = "trunk"
_BY_TRUNK: Final = frozenset({LegKind.LANDLINE, LegKind.PHONE})


class SipReach:
    """Implements `edge.core.call_events.Reach` over the registrar and the trunk."""

    def __init__(self, registrar: Registrar, clock: Clock, by_trunk: Callable[[str], bool]) -> None:
        """*by_trunk*: whether a telephone number can be reached now."""
        self._registrar = registrar
        self._clock = clock
        self._by_trunk = by_trunk

    def __call__(self, target: Target) -> Sequence[ContactRef]:
        if target.kind in _BY_TRUNK:
            return (ContactRef(TRUNK_KEY, "the trunk"),) if self._by_trunk(target.address) else ()
        live = self._registrar.live(target.address, self._clock.now_ms())
        return tuple(ContactRef(b.key, f"{b.flow.transport.lower()} {b.flow.remote}") for b in live)
