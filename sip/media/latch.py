"""Which source address a media socket listens to: latched once to what arrives, then to that only."""

from typing import Final

Address = tuple[str, int]

CONFIRM_S: Final = 1.0  # how long the address of the description may still displace another that was faster


class Latch:
    """Symmetric RTP for one socket. *now* is monotonic seconds.

    Phones behind NAT, and some on several addresses, send from another address than their description says, so the
    first source wins; but for `CONFIRM_S` the described address displaces it, so that a stranger who is faster than
    the phone gains nothing. Then the latch is locked, and the kernel drops everybody else.
    """

    __slots__ = ("_since", "locked", "signalled", "source")

    def __init__(self) -> None:
        self.signalled: Address | None = None
        self.source: Address | None = None
        self.locked = False
        self._since = 0.0

    def expect(self, signalled: Address | None) -> bool:
        """The address that the description names. True if it is a new one: what was learnt is forgotten."""
        if signalled == self.signalled:
            return False
        self.signalled, self.source, self.locked = signalled, None, False
        return True

    def admits(self, source: Address, now: float) -> bool:
        """Whether a packet from *source* is the peer's."""
        if source == self.signalled:
            self.source, self.locked = source, True
            return True
        if self.locked or (self.source is not None and source != self.source):
            return source == self.source
        if self.source is None:
            self.source, self._since = source, now
        elif now - self._since >= CONFIRM_S:
            self.locked = True
        return True

    @property
    def target(self) -> Address | None:
        """Where to send: to the source once known, else to the described address."""
        return self.source or self.signalled
