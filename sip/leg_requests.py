"""What a peer may ask inside a dialog, and what it gets (RFC 3261 §14, §15; RFC 3311; RFC 6086)."""

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from sip.media.dtmf import INFO_PLAIN, INFO_RELAY, is_info_dtmf, parse_info
from sip.session_timer import MIN_SE_S, too_small

if TYPE_CHECKING:
    from sip.dialog import Dialog
    from sip.leg import Leg
    from sip.server_tx import ServerTx

MEDIA_CONTROL: Final = "application/media_control+xml"  # RFC 5168
RETRY_AFTER_MAX_S: Final = 10  # RFC 3261 §14.2


def receive(leg: "Leg", tx: "ServerTx", dialog: "Dialog") -> None:
    """Deal with a request inside *dialog* of *leg*. Methods that have no handler here were refused before."""
    if not dialog.accepts(tx.request):
        refuse(tx, 500)  # RFC 3261 §12.2.2
        return
    if leg.over and tx.request.method != "BYE":
        tx.reply(481)  # RFC 5407 §3.2.2: our BYE is out, the dialog is mortal
        return
    _HANDLERS.get(tx.request.method, _not_here)(leg, tx)


def refuse(tx: "ServerTx", status: int) -> None:
    """Refuse; 500 here always means that it may be tried again."""
    headers = {"Retry-After": str(secrets.randbelow(RETRY_AFTER_MAX_S + 1))} if status == 500 else {}
    tx.reply(status, headers=headers)


def _bye(leg: "Leg", tx: "ServerTx") -> None:
    tx.reply(200)
    leg.lost()  # where a BYE of ours has crossed it, this does nothing


def _invite(leg: "Leg", tx: "ServerTx") -> None:
    waits = leg.pending.ack
    if waits is not None and not waits.carries_offer:
        # RFC 5407 §3.1.4: who sends this has our 2xx; its ACK was lost, or is still on the way.
        waits.taken_as_read()
    if leg.over:
        tx.reply(481)  # we waited for that ACK to hang up
    elif leg.pending.theirs is not None:
        refuse(tx, 500)
    elif leg.pending.ours or leg.pending.ack is not None or not leg.talks:
        refuse(tx, 491)  # RFC 3261 §14.2, RFC 5407 §3.1.5
    else:
        _negotiate(leg, tx)


def _update(leg: "Leg", tx: "ServerTx") -> None:
    """RFC 3311 §5.2."""
    if not tx.request.body:
        if _interval_fits(tx):
            if leg.dialog is not None:
                leg.dialog.refresh(tx.request)
            tx.respond(leg.success(tx, b""))
    elif leg.pending.theirs is not None or not leg.talks:
        refuse(tx, 500)
    elif leg.pending.ours or (leg.pending.ack is not None and leg.pending.ack.carries_offer):
        refuse(tx, 491)
    else:
        _negotiate(leg, tx)


def _negotiate(leg: "Leg", tx: "ServerTx") -> None:
    if _interval_fits(tx):
        leg.pending.theirs = tx
        tx.on_cancel = lambda _cancel: leg.refuse(tx, 487)
        leg.owner.leg_offers(leg, tx)


def _interval_fits(tx: "ServerTx") -> bool:
    """RFC 4028 §9."""
    if too_small(tx.request):
        tx.reply(422, headers={"Min-SE": str(MIN_SE_S)})
        return False
    return True


def _info(leg: "Leg", tx: "ServerTx") -> None:
    content_type = tx.request.content_type
    if is_info_dtmf(content_type):
        digit = parse_info(content_type, tx.request.body)
        tx.reply(200)
        if digit is not None and not leg.over:
            leg.owner.leg_pressed(leg, digit)
    elif not tx.request.body:
        tx.reply(200)
    elif content_type == MEDIA_CONTROL and leg.talks:
        leg.owner.leg_asks(leg, tx)
    else:
        tx.reply(415, headers={"Accept": f"{INFO_RELAY}, {INFO_PLAIN}, {MEDIA_CONTROL}"})


def _refer(_leg: "Leg", tx: "ServerTx") -> None:
    """Nobody but a plan moves a call."""
    tx.reply(603)


def _prack(_leg: "Leg", tx: "ServerTx") -> None:
    tx.reply(481)  # no reliable answer of ours waits (RFC 3262 §3); those of the caller's leg: `sip.leg_uas`


def _not_here(_leg: "Leg", tx: "ServerTx") -> None:
    tx.reply(405)


_HANDLERS: Final[Mapping[str, Callable[["Leg", "ServerTx"], None]]] = {
    "BYE": _bye,
    "INVITE": _invite,
    "UPDATE": _update,
    "INFO": _info,
    "REFER": _refer,
    "PRACK": _prack,
}
