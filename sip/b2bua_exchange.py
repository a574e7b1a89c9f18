"""What one side of a bridged call asks of the other: re-INVITE and UPDATE with their descriptions, and INFO.

Each side has its own transaction; nothing is answered before the other side has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.b2bua_media import CallMedia, NotAcceptable
from sip.leg import Leg
from sip.leg_app import AppLeg
from sip.leg_app_caller import AppCallerLeg
from sip.media.engine import End, MediaUnavailable
from sip.message import Response
from sip.server_tx import ServerTx

# What a side must not be told in the other's name: these are about a dialog, a transaction or a login that is not its
# own. It may try again (RFC 3261 §14.1).
_NOT_PASSED: Final = frozenset({401, 407, 408, 422, 481, 482, 483, 487, 503})


@dataclass(frozen=True, slots=True)
class Side:
    leg: Leg
    end: End


@dataclass(frozen=True, slots=True)
class Asked:
    """The other side; only this one can be an app."""

    leg: Leg | AppLeg | AppCallerLeg
    end: End


class Exchange:
    """Passes offers and questions between the two sides of one call."""

    def __init__(self, media: CallMedia, on_broken: Callable[[], None]) -> None:
        self._media = media
        self._on_broken = on_broken  # the sides no longer agree on a session: the call has to end

    def offer(self, tx: ServerTx, asking: Side, asked: Asked | None) -> None:
        """A re-INVITE, or an UPDATE with a description, of *asking*. *asked* is None while the call is not bridged."""
        method = tx.request.method
        if method == "UPDATE" and asked is not None and "UPDATE" not in asked.leg.peer_allows:
            method = "INVITE"
        if asked is None or not asked.leg.may_offer(method):
            asking.leg.refuse(tx, 491)  # it comes again (RFC 3261 §14.1)
        elif tx.request.body:
            self._pass_offer(tx, asking, asked, method)
        else:
            self._ask_for_offer(tx, asking, asked)

    def info(self, tx: ServerTx, asking: Side, asked: Asked | None) -> None:
        """An INFO that is not for us."""
        if asked is None or not asked.leg.talks:
            asking.leg.refuse(tx, 500)
            return

        def final(status: int, _response: Response | None) -> None:
            if status < 300:
                tx.reply(200)
            else:
                asking.leg.refuse(tx, _passed(status))

        asked.leg.inform(tx.request.content_type, tx.request.body, final)

    def _pass_offer(self, tx: ServerTx, asking: Side, asked: Asked, method: str) -> None:
        try:
            description = self._media.offer(asking.end, asked.end, tx.request.body)
        except (NotAcceptable, MediaUnavailable) as error:
            asking.leg.refuse(tx, error.status if isinstance(error, NotAcceptable) else 500)
            return

        def final(status: int, response: Response | None) -> None:
            if response is None or not response.success:
                asking.leg.refuse(tx, _passed(status))
                return
            try:
                answer = self._media.answer(asked.end, asking.end, response.body)
            except NotAcceptable:  # a 2xx without an answer to our offer
                asking.leg.refuse(tx, 488)
            else:
                asking.leg.accept(tx, answer)

        asked.leg.offer(method, description, final)

    def _ask_for_offer(self, tx: ServerTx, asking: Side, asked: Asked) -> None:
        """A re-INVITE without a description: the other side's offer comes in its 2xx, the answer in the ACK."""

        def final(status: int, response: Response | None) -> None:
            if response is None or not response.success:
                asking.leg.refuse(tx, _passed(status))
                return
            try:
                offer = self._media.offer(asked.end, asking.end, response.body)
            except (NotAcceptable, MediaUnavailable):
                asking.leg.refuse(tx, 488)
                self._on_broken()  # its offer stands in a 2xx and cannot be answered
            else:
                asking.leg.accept(tx, offer, answered)

        def answered(description: bytes) -> None:
            try:
                asked.leg.acknowledge_answer(self._media.answer(asking.end, asked.end, description))
            except NotAcceptable:
                self._on_broken()

        asked.leg.offer("INVITE", b"", final)


def _passed(status: int) -> int:
    return 500 if status in _NOT_PASSED or status < 300 else status
