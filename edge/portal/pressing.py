"""Open was pressed, in a call or in the list of doors: which door and in whose right, judged anew at each press."""

import time
from dataclasses import dataclass
from typing import Final

from edge.core.openings import OpenRequest
from edge.http.ws import BadFrame
from edge.portal import state
from edge.portal.asking import NotDone
from edge.portal.messages import Message
from edge.portal.ports import Calls, PortalPorts
from edge.portal.presses import Presses
from models.call import CallPlan
from models.community import Resident
from models.device import Device
from models.ids import CallId, Mac, new_id

PRESSES_KEPT: Final = 1000  # sessions whose last presses are remembered


@dataclass(frozen=True, slots=True)
class InCall:
    """The call in which open was pressed."""

    call: CallId
    plan: CallPlan


class Pressing:
    """Has doors opened."""

    def __init__(self, ports: PortalPorts) -> None:
        self._ports = ports
        self._presses: dict[str, Presses] = {}
        self.calls: Calls | None = None  # who is told of an opening in a call

    def press(self, session: str, resident: Resident, message: Message, inside: InCall | None) -> dict[str, object]:
        """The reply to *message*. *inside*: the call that it names, if it does. Raises NotDone and BadFrame."""
        nonce, relay = str(message.fields["nonce"]), str(message.fields["relay"])
        device = self._door(message, inside)
        if inside is not None:
            identity, request = str(inside.call), state.talk_request(device, resident, inside.plan.apartment, relay)
        else:
            identity, request = new_id("o"), state.home_request(device, resident, relay)
        reason, first = self._press(session, nonce, request, identity)
        if reason:
            return {"type": "refused", "reason": reason, "nonce": nonce}
        if first and inside is not None and self.calls is not None:
            self.calls.opened(CallId(identity), relay)
        return {"type": "opened", "relay": relay, "nonce": nonce}

    def _door(self, message: Message, inside: InCall | None) -> Device:
        if (inside is None) == ("call" in message.fields) or (inside is None) != ("door" in message.fields):
            raise BadFrame(message.id)
        snapshot = self._ports.snapshot
        if inside is None:
            device = snapshot.by_mac.get(Mac(str(message.fields["door"])))
        else:
            device = snapshot.devices.get(inside.plan.door) if inside.plan.door is not None else None
        if device is None:
            raise NotDone("not_allowed")
        return device

    def _press(self, session: str, nonce: str, request: OpenRequest, identity: str) -> tuple[str, bool]:
        presses = self._presses.setdefault(session, Presses())
        while len(self._presses) > PRESSES_KEPT:
            self._presses.pop(next(iter(self._presses)))
        return presses.press(nonce, time.monotonic(), request, identity, self._ports.open_door)
