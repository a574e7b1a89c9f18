"""One call of the own phone: a leg of our SIP core, its audio, and what is told of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from edge.phone.audio import Audio
from sip.leg import Leg, LegTools
from sip.leg_uac import Invitation, UacLeg
from sip.leg_uas import UasLeg
from sip.media.dtmf import INFO_RELAY
from sip.message import Response
from sip.sdp import Attribute, Direction, Media, SdpError, Session, parse
from sip.sdp_bridge import OwnDescription, rejected
from sip.server_tx import ServerTx

_EVENTS: Final = "telephone-event"
_EVENT_PAYLOAD: Final = 101
_STATIC: Final = {"PCMA": 8, "PCMU": 0}
_INFO_GAP_S: Final = 0.15
_DECLINE: Final = 603

Tell = Callable[..., None]


class Owner(Protocol):
    """The worker, as its calls see it."""

    settings: dict[str, Any]

    def tell(self, event: str, **fields: Any) -> None: ...

    def call_over(self, call: "OwnCall") -> None: ...


@dataclass(frozen=True, slots=True)
class Agreed:
    """What offer and answer agreed on."""

    host: str
    port: int
    codec: str
    payload: int
    event_payload: int


class OwnCall:
    """Both kinds of owner of a leg: `sip.leg_uas.CallerOwner` and `sip.leg_uac.RungOwner`."""

    def __init__(self, owner: Owner, number: int) -> None:
        self._owner = owner
        self.number = number
        self._leg: Leg | None = None
        self._incoming: UasLeg | None = None
        self._offer: Session | None = None
        self._status = 0
        self._ended = False
        settings = owner.settings
        folder = settings["record_dir"]
        wav = Path(folder) / f"{settings['user']}-{number}-{time.time_ns() // 1_000_000}.wav" if folder else None
        self.audio = Audio(settings["ip"], 0, int(settings["tone_hz"]), self._heard_digit, wav)
        self._description = OwnDescription(settings["ip"])
        self._codecs = [name.split("/")[0] for name in settings["codecs"] if name.split("/")[0] in _STATIC]

    # --- what the worker asks

    def ring(self, tools: LegTools, invitation: Invitation) -> None:
        """Place the call."""
        leg = UacLeg(tools, self, invitation)
        leg.propose(self.offer())
        self._leg = leg
        self._state("calling", 0)
        leg.ring()

    def arrive(self, tools: LegTools, tx: ServerTx) -> None:
        """Take a call that came in. Raises UriError, SdpError."""
        self._offer = parse(tx.request.body) if tx.request.body else None
        self._incoming = UasLeg(tools, self, tx, self._owner.settings["user"])
        self._leg = self._incoming
        self._owner.tell("incoming", call=self.number, message=tx.request.render().decode("utf-8", "replace"))
        self._state("incoming", 100)

    def answer(self, status: int) -> None:
        """Answer the call that rings here: 1xx, 2xx or a refusal."""
        leg = self._incoming
        if leg is None or leg.answered or leg.over:
            return
        if status >= 300:
            self._status = status
            leg.refuse_call(status)
        elif status >= 200:
            self._state("connecting", status)
            leg.answer(self._answer_to(self._offer) if self._offer else self.offer())
        else:
            leg.progress(status, self._answer_to(self._offer) if status == 183 and self._offer else b"")
            self._state("early", status)

    def hang_up(self, status: int = 0) -> None:
        """End it, whatever its state."""
        leg = self._leg
        if isinstance(leg, UasLeg) and not leg.answered:
            self.answer(status or _DECLINE)
        elif isinstance(leg, UacLeg) and not leg.talks:
            self._status = 487
            leg.cancel()
        elif leg is not None:
            self._status = 200
            leg.hang_up()

    def press(self, digits: str, by: str) -> None:
        """Send *digits* by rfc4733 or info."""
        if by == "rfc4733":
            self.audio.press(digits)
            return
        for place, digit in enumerate(digits):
            asyncio.get_running_loop().call_later(place * _INFO_GAP_S, self._inform, digit)

    def hold(self, direction: Direction) -> None:
        """Offer the call anew with our audio in *direction*."""
        if self._leg is not None:
            self._leg.offer("INVITE", self.offer(direction), lambda _status, _response: None)

    def offer(self, direction: Direction = Direction.SENDRECV) -> bytes:
        """Our description."""
        return self._description.render((self._media(self._codecs, _EVENT_PAYLOAD, direction),))

    def stats(self) -> dict[str, int]:
        return {"received": self.audio.received, "lost": self.audio.lost, "sent": self.audio.sent}

    # --- what the leg tells

    def leg_ringing(self, _leg: UacLeg, status: int, description: bytes) -> None:
        if description:
            self._connect(parse(description))
        self._state("early", status)

    def leg_answered(self, _leg: UacLeg, description: bytes) -> None:
        self._state("connecting", 200)
        self._connect_or_hang_up(description)
        self._state("confirmed", 200)

    def leg_failed(self, _leg: UacLeg, response: Response | None, status: int) -> None:
        self._status = response.status if response is not None else status

    def caller_confirmed(self, description: bytes) -> None:
        self._state("confirmed", 200)
        if description:
            self._connect_or_hang_up(description)

    def caller_cancelled(self) -> None:
        self._status = 487

    def leg_hung_up(self, _leg: Leg) -> None:
        self._status = 200

    def leg_pressed(self, _leg: Leg, digit: str) -> None:
        self._owner.tell("dtmf", call=self.number, digit=digit, by="info")

    def leg_asks(self, leg: Leg, tx: ServerTx) -> None:
        leg.refuse(tx, 415)

    def leg_offers(self, leg: Leg, tx: ServerTx) -> None:
        if not tx.request.body:
            leg.accept(tx, self.offer(), lambda body: self._connect_or_hang_up(body) if body else None)
            return
        try:
            leg.accept(tx, self._answer_to(parse(tx.request.body)))
        except SdpError:
            leg.refuse(tx, 488)

    def leg_over(self, _leg: Leg) -> None:
        if self._ended:
            return
        self._ended = True
        self._state("disconnected", self._status)
        self._owner.tell("closed", call=self.number, wav=self.audio.close())
        self._owner.call_over(self)

    # --- descriptions

    def _answer_to(self, offer: Session) -> bytes:
        """Take the first audio line, refuse the others. Raises SdpError if there is nothing to take."""
        answers: list[Media] = []
        taken = False
        for media in offer.media:
            agreed = None if taken else self._agree(media)
            if agreed is None:
                answers.append(rejected(media))
                continue
            taken = True
            self._talk(agreed)
            direction = Direction.of(sends=media.direction.receives, receives=media.direction.sends)
            answers.append(self._media([agreed.codec], agreed.event_payload, direction))
        if not taken:
            raise SdpError("no audio that this phone speaks")
        return self._description.render(tuple(answers))

    def _connect_or_hang_up(self, description: bytes) -> None:
        try:
            self._connect(parse(description))
        except SdpError as error:
            self._owner.tell("error", command="media", reason=str(error))
            self.hang_up()

    def _connect(self, answer: Session) -> None:
        agreed = next((found for media in answer.media if (found := self._agree(media))), None)
        if agreed is None:
            raise SdpError("the answer has no audio that was offered")
        self._talk(agreed)

    def _agree(self, media: Media) -> Agreed | None:
        if media.kind != "audio" or media.rejected:
            return None
        names = {codec.name.upper(): codec.payload for codec in media.codecs}
        codec = next((codec.name.upper() for codec in media.codecs if codec.name.upper() in self._codecs), None)
        if codec is None:
            return None
        return Agreed(media.host, media.port, codec, names[codec], names.get(_EVENTS.upper(), _EVENT_PAYLOAD))

    def _talk(self, agreed: Agreed) -> None:
        self.audio.connect(agreed.host, agreed.port, agreed.codec, agreed.payload, agreed.event_payload)
        self._owner.tell("media", call=self.number, active=True, wav=None)

    def _media(self, codecs: list[str], event_payload: int, direction: Direction) -> Media:
        payloads = [_STATIC[name] for name in codecs]
        maps = [Attribute("rtpmap", f"{_STATIC[name]} {name}/8000") for name in codecs]
        events = [
            Attribute("rtpmap", f"{event_payload} {_EVENTS}/8000"),
            Attribute("fmtp", f"{event_payload} 0-15"),
        ]
        formats = (*(str(payload) for payload in payloads), str(event_payload))
        ip = self._owner.settings["ip"]
        return Media("audio", self.audio.port, "RTP/AVP", formats, ip, direction, (*maps, *events))

    # --- telling

    def _state(self, state: str, status: int) -> None:
        remote = self._leg.dialog.remote if self._leg is not None and self._leg.dialog is not None else ""
        placed = isinstance(self._leg, UacLeg)
        self._owner.tell("state", call=self.number, state=state, status=status, reason="", remote=remote, placed=placed)

    def _heard_digit(self, digit: str) -> None:
        self._owner.tell("dtmf", call=self.number, digit=digit, by="rfc4733")

    def _inform(self, digit: str) -> None:
        if self._leg is not None and self._leg.talks:
            body = f"Signal={digit}\r\nDuration=160\r\n".encode()
            self._leg.inform(INFO_RELAY, body, self._informed)

    def _informed(self, status: int, _response: Response | None) -> None:
        self._owner.tell("request", call=self.number, method="INFO", status=status, ours=True)
