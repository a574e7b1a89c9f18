"""2xx answers that lost a race: to a CANCEL, a time-out, another fork, or to a call that is forgotten already.

Each gets its ACK, every time it comes, and its dialog one BYE (RFC 3261 §13.2.2.4): else the phone talks to nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from sip.dialog import Dialog, DialogKey
from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.message import Request, Response
from sip.sdp import SdpError, parse
from sip.sdp_bridge import OwnDescription, refused_answer
from sip.transaction import T1
from sip.uri import UriError

STRAYS_MAX: Final = 1024
_KEPT_S: Final = 64 * T1

Way = Callable[[str, Flow], Flow | Destination]
"""Where a request to a URI goes, given the flow that led to the peer so far."""


class Road(Protocol):
    """How to reach the peer of a leg: `LegTools`."""

    @property
    def way(self) -> Way: ...

    @property
    def digest(self) -> DigestClient | None: ...


@dataclass(slots=True)
class _Stray:
    dialog: Dialog
    ack: Request
    forget_at: float


class Strays:
    """One for the process; knows no calls."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._known: dict[DialogKey, _Stray] = {}

    def hang_up(self, response: Response, flow: Flow | None, road: Road, *, offered: bool = True) -> None:
        """Deal with a 2xx to an INVITE of ours. *offered*: our INVITE carried the offer, so the ACK is empty."""
        if flow is None:
            return
        now = self._endpoint.timers.time()
        self._forget(now)
        key = DialogKey(response.call_id, response.from_tag, response.to_tag)
        known = self._known.get(key)
        if known is not None:
            self._send_ack(known, flow, road)
            return
        stray = self._make(key, response, offered, now + _KEPT_S)
        if stray is None:
            return
        self._known[key] = stray
        self._endpoint.count("stray_answers")
        self._send_ack(stray, flow, road)
        self._send_bye(stray, flow, road, 0)

    def _make(self, key: DialogKey, response: Response, offered: bool, forget_at: float) -> _Stray | None:
        try:
            dialog = Dialog.of_answer(key, response)
        except UriError:  # no Contact: there is no way to tell the peer
            return None
        body = b"" if offered else refusal_of(response.body)
        return _Stray(dialog, dialog.ack(response.cseq.number, content_type="application/sdp", body=body), forget_at)

    def _send_ack(self, stray: _Stray, flow: Flow, road: Road) -> None:
        def opened(found: Flow | None) -> None:
            if found is not None:
                self._endpoint.send_ack(stray.ack, found)

        way = road.way(stray.dialog.next_hop, flow)
        if isinstance(way, Flow):
            opened(way)
        else:
            self._endpoint.wire.route(way, opened)

    def _send_bye(self, stray: _Stray, flow: Flow, road: Road, tries: int) -> None:
        bye = stray.dialog.request("BYE")
        digest = road.digest
        if digest is not None:
            digest.authorise(bye)

        def answered(response: Response) -> None:
            if response.status in (401, 407) and digest is not None and digest.challenged(response, tries):
                self._send_bye(stray, flow, road, tries + 1)

        self._endpoint.request(bye, road.way(stray.dialog.next_hop, flow), answered, _no_answer)

    def _forget(self, now: float) -> None:
        while self._known:
            key = next(iter(self._known))
            if self._known[key].forget_at > now and len(self._known) < STRAYS_MAX:
                return
            del self._known[key]


def refusal_of(offer: bytes) -> bytes:
    """The description that takes nothing of *offer*; empty where there is no offer to answer."""
    try:
        session = parse(offer)
    except SdpError:
        return b""
    return OwnDescription("127.0.0.1").render(refused_answer(session))


def _no_answer(_failure: object) -> None:
    """The peer is gone as well: nothing is left to end."""
