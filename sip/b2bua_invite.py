"""The INVITE of each leg: to a contact binding over the flow it registered on, or to the trunk."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.core.call_events import ContactRef
from models.call import Target
from models.ids import SipUser
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.leg import DialogTable, LegTools
from sip.leg_uac import Invitation
from sip.message import Headers, Request
from sip.registrar import Registrar
from sip.server_tx import new_tag
from sip.strays import Strays
from sip.trunk import Trunk
from sip.trunks import Trunks
from sip.uri import NameAddr, escape_user

TRUNK_KEY: Final = "trunk"  # the ContactRef of the trunk
CONTACT_USER: Final = "edge"
LOOP_HEADER: Final = "X-Edge-Path"  # a token of this process: an INVITE that brings it back goes in a circle
ANONYMOUS_FROM: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'  # RFC 3323 §4.1.1.3
_MAX_FORWARDS: Final = 70


@dataclass(frozen=True, slots=True)
class CallingParty:
    """Who the called side sees."""

    name: str
    number: str  # SIP user, or the telephone number of an outside caller
    private: bool = False  # it asks that the called telephone does not learn who calls (RFC 3323)


@dataclass(frozen=True, slots=True)
class Road:
    """A way to a leg that is about to be rung."""

    tools: LegTools
    invitation: Invitation


@dataclass(frozen=True, slots=True)
class NoRoad:
    """A leg cannot be rung, and why, in words for the row of the call."""

    why: str


class Roads:
    """Finds the way to a contact, and says what the INVITE on it looks like."""

    def __init__(
        self, endpoint: Endpoint, registrar: Registrar, trunks: Trunks | None, dialogs: DialogTable, realm: str
    ) -> None:
        self._endpoint = endpoint
        self._registrar = registrar
        self._trunks = trunks
        self._dialogs = dialogs
        self._realm = realm
        self.strays = Strays(endpoint)
        self.token = secrets.token_hex(8)

    def device_tools(self, user: str | None) -> LegTools:
        """Tools of a leg with a device or app."""
        return LegTools(
            self._endpoint, self._dialogs, lambda _uri, flow: self._flow(user, flow), self.strays, user=user
        )

    def trunk_tools(self, trunk: Trunk) -> LegTools:
        return LegTools(self._endpoint, self._dialogs, trunk.way, self.strays, trunk.digest, trunk=trunk.name)

    def to(self, target: Target, contact: ContactRef, caller: CallingParty, incoming: Request) -> Road | NoRoad:
        """The way to *contact* of *target*."""
        if contact.key == TRUNK_KEY:
            return self._by_trunk(target, caller, incoming)
        now_ms = self._endpoint.clock.now_ms()
        binding = next((b for b in self._registrar.live(target.address, now_ms) if b.key == contact.key), None)
        if binding is None:
            return NoRoad("it has just gone")
        # The Contact stays untouched in the Request-URI; the flow decides where the packet goes.
        frame = _Frame(
            uri=binding.contact,
            from_=str(NameAddr(f"sip:{escape_user(caller.number)}@{self._realm}", caller.name).with_tag(new_tag())),
            to=f"<sip:{escape_user(target.address)}@{self._realm}>",
            contact=self._contact(CONTACT_USER, binding.flow),
            more={LOOP_HEADER: self.token},
            routes=binding.path,
        )
        return Road(self.device_tools(binding.sip_user), Invitation(binding.flow, _builder(frame, incoming)))

    def _by_trunk(self, target: Target, caller: CallingParty, incoming: Request) -> Road | NoRoad:
        """The provider learns the site's number and the number called, nothing of the house (domain: privacy)."""
        trunk = self._trunks.choose(target.address) if self._trunks is not None else "there is no trunk"
        if isinstance(trunk, str):
            return NoRoad(trunk)
        first, *others = trunk.destinations
        uri = trunk.uri_of(target.address)
        # RFC 3323 §4.1, RFC 3325 §9.1: the provider must know whose call it is, the called telephone need not.
        more = {"P-Asserted-Identity": f"<{trunk.shown}>", LOOP_HEADER: self.token}
        if caller.private:
            more["Privacy"] = "id"
        frame = _Frame(
            uri=uri,
            from_=f"{ANONYMOUS_FROM if caller.private else f'<{trunk.shown}>'};tag={new_tag()}",
            to=f"<{uri}>",
            contact=self._contact(escape_user(trunk.settings.user), first),
            more=more,
            routes=trunk.routes,
        )
        invitation = Invitation(first, _builder(frame, incoming), trunk, tuple(others))
        return Road(self.trunk_tools(trunk), invitation)

    def goes_in_a_circle(self, request: Request) -> bool:
        """Whether an INVITE of ours has come back (decision: trunk→edge→trunk loops)."""
        return self.token in request.headers.get_all(LOOP_HEADER)

    def _contact(self, user: str, to: Flow | Destination) -> str:
        transport = "" if to.transport == "UDP" else f";transport={to.transport.lower()}"
        return f"<sip:{user}@{self._endpoint.address_for(to)}{transport}>"

    def _flow(self, user: str | None, flow: Flow) -> Flow:
        """*flow*, or where the device is reached now if it came back on another connection."""
        if user is None or self._endpoint.wire.alive(flow):
            return flow
        bindings = self._registrar.live(SipUser(user), self._endpoint.clock.now_ms())
        newest = max(bindings, key=lambda binding: binding.updated_at_ms, default=None)
        return newest.flow if newest is not None else flow


@dataclass(frozen=True, slots=True)
class _Frame:
    """What does not change between the tries of one leg's INVITE."""

    uri: str
    from_: str
    to: str
    contact: str
    more: Mapping[str, str]
    routes: tuple[str, ...] = ()


def _builder(frame: _Frame, incoming: Request) -> Callable[[int], Request]:
    call_id = secrets.token_hex(16)
    # RFC 3261 §16.6: a B2BUA breaks the count unless it carries it on; 0 was refused before.
    hops = incoming.max_forwards
    max_forwards = _MAX_FORWARDS if hops is None else min(max(hops - 1, 0), _MAX_FORWARDS)

    def build(cseq: int) -> Request:
        values = {
            "Max-Forwards": str(max_forwards),
            "From": frame.from_,
            "To": frame.to,
            "Call-ID": call_id,
            "CSeq": f"{cseq} INVITE",
            "Contact": frame.contact,
            **frame.more,
        }
        return Request("INVITE", frame.uri, Headers.of(values, ("Route", frame.routes)))

    return build
