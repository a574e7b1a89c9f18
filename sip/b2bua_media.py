"""Descriptions and media of one call: what each end is told of the other, and where its packets go.

A line goes directly between the ends, through the edge, or not at all (decision 20); every end gets its own
description either way.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sip.b2bua_srtp import EndSecurity, Srtp
from sip.media import g711
from sip.media.engine import CALLER_END, End, Facing, MediaSession, PeerLine
from sip.media.recordings import Recording
from sip.media.rtp import StreamStats
from sip.sdp import MUX, Attribute, Codec, Direction, Media, SdpError, Session, parse
from sip.sdp_bridge import (
    Anchor,
    Direct,
    OwnDescription,
    Place,
    Rejected,
    acceptable,
    can_anchor,
    carry,
    event_payloads,
    main_codec,
    rejected,
)

DESCRIPTIONS_KEPT: Final = 64  # each is looked at several times in a call
_PLAYABLE: Final = {g711.PCMA: "PCMA", g711.PCMU: "PCMU"}


class NotAcceptable(Exception):
    """A description that cannot be used; *status* says it to whoever sent it (400 or 488)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"description refused with {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class EndPolicy:
    """What an end may have of the caller's call. The caller's own is never asked for directness."""

    direct_audio: bool = False
    direct_video: bool = False
    video: bool = True  # False: a telephone
    swallow_digits: bool = False  # its RFC 4733 events must not reach the other side (decision 21)
    srtp: Srtp = Srtp.PLAIN  # what we offer it of our own accord


@dataclass(slots=True)
class _EndState:
    host: str  # our address towards it
    policy: EndPolicy
    own: OwnDescription
    security: EndSecurity
    offer: Session | None = None  # the other end's offer as it was carried to it, not answered yet
    pending: tuple[Media, ...] = ()  # what we told it in that offer
    mux: set[int] = field(default_factory=set)  # lines on whose first offer it asked for RTCP on the port of RTP


@dataclass(slots=True)
class CallMedia:
    """Media of one call. Descriptions are bytes; NotAcceptable and MediaUnavailable may come out of `offer`."""

    session: MediaSession
    _ends: dict[End, _EndState] = field(default_factory=dict)
    _ports: dict[tuple[End, int], int] = field(default_factory=dict)  # ours, by end and line

    def add(self, end: End, host: str, policy: EndPolicy) -> None:
        """An end that takes part; *host* is our address towards it."""
        self._ends[end] = _EndState(host, policy, OwnDescription(host), EndSecurity(policy.srtp))

    def offer(self, source: End, to: End, offer: bytes) -> bytes:
        """What *to* is offered when *source* made *offer*. Takes ports for both."""
        offered = usable(offer)
        state = self._ends[to]
        for index, media in enumerate(offered.media):
            self._ends[source].security.offered_by_it(index, media)
            if media.muxed and (source, index) not in self._ports:
                self._ends[source].mux.add(index)
        places = [self._place(source, to, index, media) for index, media in enumerate(offered.media)]
        state.pending = tuple(
            state.security.offer_to_it(index, media) if isinstance(place, Anchor) else media
            for index, (media, place) in enumerate(zip(carry(offered, places), places, strict=True))
        )
        state.offer = offered
        return state.own.render(state.pending)

    def answer(self, source: End, to: End, answer: bytes) -> bytes:
        """What *to*, who made the offer, is answered when *source* gave *answer*; packets go accordingly from now on.

        The offer stays open for another answer to it: early media of one leg, then the answer of another.
        """
        answered = _parsed(answer)
        state = self._ends[source]
        offered = state.offer
        if offered is None or not any(not media.rejected for media in answered.media):
            raise NotAcceptable(488)
        places = [self._place(source, to, index, media) for index, media in enumerate(offered.media)]
        self._learn_answer(source, answered, places)
        told = tuple(
            self._told(to, index, media, offered.media[index]) if isinstance(place, Anchor) else media
            for index, (media, place) in enumerate(zip(carry(answered, places, like=offered), places, strict=True))
        )
        body = self._ends[to].own.render(told)
        for index, media in enumerate(told):
            theirs = answered.media[index] if index < len(answered.media) else media
            agreed = _main(media)
            self._describe(to, index, offered.media[index], media, agreed)
            self._describe(source, index, theirs, state.pending[index], agreed)
        return body

    def _told(self, to: End, index: int, media: Media, offered: Media) -> Media:
        """An anchored line of the answer to *to*, with what only the two of us agree on: a key, and RTCP on the port of
        RTP where it asked for that (RFC 5761 §5.1.1). We never do: what asks has to be ready for both ports."""
        secured = self._ends[to].security.answer_to_it(index, media)
        if secured.rejected or not offered.muxed or index not in self._ends[to].mux:
            return secured
        return replace(secured, attributes=(*secured.attributes, MUX))

    def _learn_answer(self, source: End, answered: Session, places: Sequence[Place]) -> None:
        """Raises NotAcceptable where a line that we offered as SRTP comes back without a key."""
        security = self._ends[source].security
        for index, (media, place) in enumerate(zip(answered.media, places, strict=False)):
            if isinstance(place, Anchor) and not media.rejected and not security.answered_by_it(index, media):
                raise NotAcceptable(488)

    def connect(self, end: End) -> None:
        """Let the caller and *end* hear each other."""
        self.session.connect(CALLER_END, end)

    # --- recordings, to the caller ----------------------------------------------------------------------------------

    def early_answer(self, offer: bytes) -> bytes:
        """The answer to *offer* of a caller that is to hear a recording and nobody else.

        Empty where its description already stands or no line of it can be played to. Raises MediaUnavailable.
        """
        caller = self._ends[CALLER_END]
        offered = _parsed(offer) if offer else Session(())
        index = next((i for i, media in enumerate(offered.media) if _playable(media) is not None), None)
        if index is None or caller.own.said:
            return b""
        media = offered.media[index]
        anchor, payload = self._allocate(CALLER_END, index, media.kind), str(_playable(media))
        direction = Direction.of(media.direction.receives, media.direction.sends)
        rtpmap = Attribute("rtpmap", f"{payload} {_PLAYABLE[int(payload)]}/8000")
        ours = Media("audio", anchor.port, media.protocol, (payload,), anchor.host, direction, (rtpmap,))
        caller.security.offered_by_it(index, media)
        ours = caller.security.answer_to_it(index, ours)
        self._describe(CALLER_END, index, media, ours, _main(ours))
        return caller.own.render(tuple(ours if i == index else rejected(m) for i, m in enumerate(offered.media)))

    def play(self, recording: Recording) -> bool:
        """Play to the caller on the line that it has with us; False where it has none."""
        caller = self._ends[CALLER_END]
        for index, media in enumerate(caller.own.said):
            payload = _playable(media, ours=True)
            if payload is not None and media.port == self._ports.get((CALLER_END, index)):
                self.session.play(CALLER_END, index, recording.frames(payload), payload)
                return True
        return False

    def stats(self) -> dict[End, tuple[StreamStats, ...]]:
        """Statistics of every end that takes part now."""
        return {end: self.session.stats(end) for end in self._ends}

    def release(self, end: End) -> tuple[StreamStats, ...]:
        """An end is out; its statistics."""
        self._ends.pop(end, None)
        return self.session.release(end)

    def close(self) -> None:
        self._ends.clear()
        self.session.close()

    def _place(self, source: End, to: End, index: int, media: Media) -> Place:
        """How line *index* of what *source* said is carried to *to*. Takes ports for both ends where anchored."""
        leg = self._ends[source if to == CALLER_END else to]
        if media.rejected or (media.kind == "video" and not leg.policy.video):
            return Rejected.REJECTED
        if (media.kind == "audio" and leg.policy.direct_audio) or (media.kind == "video" and leg.policy.direct_video):
            return Direct.DIRECT
        if not can_anchor(media):
            return Rejected.REJECTED
        self._allocate(source, index, media.kind, to)
        return self._allocate(to, index, media.kind, source)

    def _allocate(self, end: End, index: int, kind: str, facing: End | None = None) -> Anchor:
        host = self._ends[end].host
        other = None
        if facing is not None:
            plain = all(self._ends[one].security.plain and not self._ends[one].mux for one in (end, facing))
            other = Facing(facing, self._ends[facing].host, plain)
        port = self._ports[end, index] = self.session.allocate(end, index, kind, host, other)
        return Anchor(host, port)

    def _describe(self, end: End, index: int, theirs: Media, ours: Media, agreed: Codec | None) -> None:
        """*agreed*: the answer's codec; None: it has none of the line."""
        if theirs.rejected or agreed is None:
            self.session.describe(end, index, None)
            return
        mux = ours.muxed and theirs.muxed
        rtcp_host, rtcp_port = (theirs.host, theirs.port) if mux else theirs.rtcp
        self.session.describe(
            end,
            index,
            PeerLine(
                host=theirs.host,
                port=theirs.port,
                rtcp_host=rtcp_host,
                rtcp_port=rtcp_port,
                sends=theirs.direction.sends,
                receives=theirs.direction.receives and not theirs.on_hold_by_address,
                clock_hz=agreed.clock_hz,
                payload=agreed.payload,
                event_payloads=event_payloads(ours, theirs),
                swallow_events=self._ends[end].policy.swallow_digits,
                srtp=self._ends[end].security.keys(index),
                mux=mux,
            ),
        )


def _main(answered: Media) -> Codec | None:
    """The codec that an answer chose; None where it rejects the line."""
    return None if answered.rejected else main_codec(answered) or next(iter(answered.codecs), None)


def _playable(media: Media, *, ours: bool = False) -> int | None:
    """The payload type by which a recording can be sent to whoever sent *media*, or was sent it (*ours*)."""
    heard = media.direction.sends if ours else media.direction.receives and not media.on_hold_by_address
    if media.kind != "audio" or not heard or not can_anchor(media):
        return None
    return next((codec.payload for codec in media.codecs if codec.payload in _PLAYABLE), None)


def usable(offer: bytes) -> Session:
    """*offer*, parsed. Raises NotAcceptable where it cannot be read or nothing in it can be carried."""
    session = _parsed(offer)
    if not acceptable(session):
        raise NotAcceptable(488)
    return session


@functools.lru_cache(maxsize=DESCRIPTIONS_KEPT)
def _parsed(body: bytes) -> Session:
    try:
        return parse(body)
    except SdpError:
        raise NotAcceptable(400) from None
