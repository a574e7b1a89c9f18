"""A 2xx to an INVITE is sent again by its user, over reliable transports too, until the ACK (RFC 3261 §13.3.1.4)."""

from collections.abc import Callable

from sip.flow import Handle, Timers
from sip.message import Request, Response
from sip.server_tx import ServerTx
from sip.transaction import T1, T2


class AckWait:
    """Sends *response* at once and again at T1, doubling to T2, until the ACK or 64·T1.

    Then calls one of *on_ack*, with the ACK's body, and *on_timeout*, once; neither after `stop`.
    """

    def __init__(
        self,
        tx: ServerTx,
        response: Response,
        timers: Timers,
        on_ack: Callable[[bytes], None],
        on_timeout: Callable[[], None],
        *,
        carries_offer: bool = False,
    ) -> None:
        self.carries_offer = carries_offer  # the ACK brings the answer
        self._tx, self._response, self._timers = tx, response, timers
        self._on_ack, self._on_timeout = on_ack, on_timeout
        self._gives_up_at = timers.time() + 64 * T1
        self._interval = T1
        self._over = False
        self._handle: Handle | None = None
        self._send()

    @property
    def cseq(self) -> int:
        """Number of the INVITE that was answered."""
        return self._tx.request.cseq.number

    def acknowledge(self, ack: Request) -> None:
        """An ACK of this dialog came; one for another INVITE is none of ours."""
        if not self._over and ack.cseq.number == self.cseq:
            self.stop()
            self._on_ack(ack.body)

    def taken_as_read(self) -> None:
        """Something later of this dialog came, which nobody sends who has not had our 2xx: as good as an empty ACK."""
        if not self._over:
            self.stop()
            self._on_ack(b"")

    def stop(self) -> None:
        """Send no more and call nobody."""
        self._over = True
        if self._handle is not None:
            self._handle.cancel()

    def _send(self) -> None:
        self._tx.respond(self._response)
        at = min(self._timers.time() + self._interval, self._gives_up_at)
        self._handle = self._timers.call_at(at, self._due)

    def _due(self) -> None:
        if self._over:
            return
        if self._timers.time() >= self._gives_up_at:
            self._over = True
            self._on_timeout()
            return
        self._interval = min(2 * self._interval, T2)
        self._send()
