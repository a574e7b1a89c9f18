"""Where a target can be rung, apps that are no telephones included."""

from collections.abc import Callable, Sequence

from edge.core.call_events import ContactRef, Reach
from models.call import LegKind, Target


class AppReach:
    """Implements `edge.core.call_events.Reach`: what SIP reaches, and the apps of a resident."""

    def __init__(self, by_sip: Reach, apps: Callable[[Target], Sequence[ContactRef]]) -> None:
        self._by_sip = by_sip
        self._apps = apps

    def __call__(self, target: Target) -> Sequence[ContactRef]:
        by_sip = self._by_sip(target)
        return (*self._apps(target), *by_sip) if target.kind is LegKind.APP else by_sip
