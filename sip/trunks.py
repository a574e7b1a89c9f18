"""All trunks of a site: which of them a number goes by, and which of them a message came from."""

from collections.abc import Sequence

from sip.flow import Flow
from sip.message import Request
from sip.trunk import Trunk


class Trunks:
    """Trunks with prefixes go before those without, the longest prefix first."""

    def __init__(self, trunks: Sequence[Trunk]) -> None:
        self._all = tuple(trunks)

    def reachable(self, number: str) -> bool:
        """Whether *number* can be tried now."""
        return any(trunk.up for trunk in self._for(number))

    def choose(self, number: str) -> Trunk | str:
        """The trunk that *number* goes by: the first that is up. Where there is none, or it is full: why, in words."""
        fitting = self._for(number)
        trunk = next((trunk for trunk in fitting if trunk.up), None)
        if trunk is None:
            return "the trunk cannot be reached" if fitting else "no trunk is for this number"
        return trunk.meter.objection() or trunk

    def owner(self, flow: Flow) -> Trunk | None:
        """The trunk whose provider is at the other end of *flow*."""
        return next((trunk for trunk in self._all if trunk.owns(flow)), None)

    def named(self, name: str) -> Trunk | None:
        return next((trunk for trunk in self._all if trunk.name == name), None)

    def vouch(self, _request: Request, flow: Flow) -> str | None:
        """`Endpoint.vouch`: what comes from a provider's address is its own, without a challenge."""
        owner = self.owner(flow)
        return owner.name if owner is not None else None

    def _for(self, number: str) -> list[Trunk]:
        fitting = [(longest, trunk) for trunk in self._all if (longest := _match(trunk, number)) is not None]
        return [trunk for _, trunk in sorted(fitting, key=lambda one: -one[0])]


def _match(trunk: Trunk, number: str) -> int | None:
    """Length of the longest prefix of *trunk* that *number* has; 0 for a trunk without prefixes, None: not for it."""
    prefixes = trunk.settings.prefixes
    if not prefixes:
        return 0
    return max((len(prefix) for prefix in prefixes if number.startswith(prefix)), default=None)
