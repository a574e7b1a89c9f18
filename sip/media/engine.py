"""The small interface between calls and whoever forwards their media.

A session belongs to one call. It has *ends*, the caller and the legs, each with one *line* for each media line of the
call's descriptions. The engine gives every line of an end an address of ours, learns the peer's from its description,
and forwards between the two ends that are connected; packets of unconnected ends are counted and dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sip.media.rtp import StreamStats

End = int
CALLER_END: Final[End] = -1  # legs have their numbers in the call: 0, 1, 2 …


class MediaUnavailable(Exception):
    """No address can be given now (ports exhausted, no such interface); the leg or call gets 503."""


@dataclass(frozen=True, slots=True)
class Facing:
    """The other of two ends, and our address towards it."""

    end: End
    host: str
    plain: bool = True  # False: one of the two may speak SRTP, or RTCP on the port of RTP


@dataclass(frozen=True, slots=True, repr=False)
class SrtpKeys:
    """Master keys with their salts of one line."""

    suite: str  # as in RFC 4568 §6.2
    theirs: bytes  # of what the peer sends
    ours: bytes


@dataclass(frozen=True, slots=True)
class PeerLine:
    """What an end's description said about one media line."""

    host: str  # an address; a name is not resolved, the engine then waits for the first packet
    port: int
    rtcp_host: str
    rtcp_port: int
    sends: bool = True
    receives: bool = True
    clock_hz: int = 8000
    payload: int | None = None  # RTP payload type that was agreed on
    event_payloads: frozenset[int] = frozenset()  # RTP payload types that carry RFC 4733 events from this end
    swallow_events: bool = False  # these packets are read and not forwarded (decision 21)
    srtp: SrtpKeys | None = None  # None: RTP as it is
    mux: bool = False  # RTCP comes and goes on the port of RTP (RFC 5761)


class MediaListener(Protocol):
    """Told on the event loop what the packets of a session say."""

    def media_digit(self, end: End, digit: str) -> None:
        """A digit came as an RFC 4733 event."""
        ...

    def media_silent(self, end: End) -> None:
        """A connected end that should send has been silent, RTP and RTCP, for `[media] silence_s`. Told once."""
        ...


class MediaSession(Protocol):
    """Media of one call."""

    def allocate(self, end: End, line: int, kind: str, host: str, facing: Facing | None = None) -> int:
        """Our RTP port on *host* for that line (RTCP is the next); the same again if asked twice.

        *facing*: the end that it may be connected to, which an engine may need to know; None: nobody. Raises
        MediaUnavailable.
        """
        ...

    def describe(self, end: End, line: int, peer: PeerLine | None) -> None:
        """The peer's side of a line, again whenever its description changes; None: rejected, nothing is sent."""
        ...

    def connect(self, one: End, other: End) -> None:
        """Forward between these two from now on, instead of whoever they were connected to."""
        ...

    def play(self, end: End, line: int, frames: Sequence[bytes], payload: int) -> None:
        """Send *frames* (20 ms of sound each, RTP payload type *payload*) to an end that is connected to nobody.

        It ends by itself, or with the end. Nothing is sent while the peer's address is unknown.
        """
        ...

    def release(self, end: End) -> tuple[StreamStats, ...]:
        """Forget an end and give its ports back. Its statistics, one for each line; empty if unknown."""
        ...

    def stats(self, end: End) -> tuple[StreamStats, ...]:
        """Statistics so far, one for each line in order."""
        ...

    def close(self) -> None:
        """Release every end. Idempotent."""
        ...


class OpenMedia(Protocol):
    """Media of one more call. *digits*: RFC 4733 events of its ends have to be read."""

    def __call__(self, listener: MediaListener, *, digits: bool = True) -> MediaSession: ...


class MediaEngine(Protocol):
    """Makes sessions."""

    @property
    def open(self) -> OpenMedia: ...
