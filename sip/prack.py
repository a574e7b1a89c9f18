"""Reliable provisional answers (RFC 3262): ours to a caller that requires them, and our PRACK to a peer's."""

import secrets
from collections.abc import Callable
from typing import Final

from sip.dialog import Dialog
from sip.flow import Handle, Timers
from sip.message import Request, Response
from sip.server_tx import ServerTx
from sip.transaction import T1

_FIRST_RSEQ_MAX: Final = 2**31 - 1  # RFC 3262 §3


class ReliableProvisionals:
    """Provisional answers to one INVITE: one at a time, each again from T1, doubling, until its PRACK or 64·T1."""

    def __init__(self, tx: ServerTx, timers: Timers, on_give_up: Callable[[], None]) -> None:
        self._tx, self._timers, self._on_give_up = tx, timers, on_give_up
        self._rseq = secrets.randbelow(_FIRST_RSEQ_MAX) + 1
        self._waiting: Response | None = None
        self._following: Response | None = None  # the latest that came while another waits
        self._when_clear: Callable[[], None] | None = None
        self._handle: Handle | None = None
        self._interval = T1
        self._gives_up_at = 0.0

    @property
    def waits(self) -> bool:
        """Whether a PRACK is outstanding."""
        return self._waiting is not None

    def send(self, response: Response) -> None:
        """Send *response*, or keep it until the one before it is acknowledged."""
        if self._waiting is not None:
            self._following = response
            return
        response.headers.set("Require", "100rel")
        response.headers.set("RSeq", str(self._rseq))
        self._rseq += 1
        self._waiting, self._interval = response, T1
        self._gives_up_at = self._timers.time() + 64 * T1
        self._transmit(response)

    def when_clear(self, action: Callable[[], None]) -> None:
        """Call *action* once nothing waits any more; a provisional that waits for its turn is dropped."""
        self._following, self._when_clear = None, action

    def acknowledged(self, prack: ServerTx) -> None:
        """Answer a PRACK. RFC 3262 §3: RAck names RSeq and INVITE of the answer that waits, else 481."""
        waiting = self._waiting
        if waiting is None or (prack.request.headers.get("RAck") or "").split() != _rack(waiting):
            prack.reply(481)
            return
        self._clear()
        # An offer in it would have to be answered while the other side has not answered the first (RFC 6337 §3.1).
        prack.reply(488 if prack.request.body else 200)
        following, self._following = self._following, None
        action, self._when_clear = self._when_clear, None
        if action is not None:
            action()
        elif following is not None:
            self.send(following)

    def stop(self) -> None:
        """Send nothing more."""
        self._following = self._when_clear = None
        self._clear()

    def _clear(self) -> None:
        self._waiting = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _transmit(self, response: Response) -> None:
        self._tx.respond(response)
        at = min(self._timers.time() + self._interval, self._gives_up_at)
        self._handle = self._timers.call_at(at, self._due)

    def _due(self) -> None:
        if self._waiting is None:
            return
        if self._timers.time() >= self._gives_up_at:
            self.stop()
            self._on_give_up()
            return
        self._interval *= 2
        self._transmit(self._waiting)


def _rack(response: Response) -> list[str]:
    return [response.headers.get("RSeq") or "", str(response.cseq.number), response.cseq.method]


def needs_prack(response: Response) -> bool:
    """Whether a provisional answer of a peer is a reliable one (RFC 3262 §4)."""
    return 100 < response.status < 200 and "100rel" in response.options("Require") and "RSeq" in response.headers


def prack_for(response: Response, dialog: Dialog) -> Request:
    """Our PRACK to *response* in the dialog that it made."""
    request = dialog.request("PRACK")
    request.headers.set("RAck", " ".join(_rack(response)))
    return request
