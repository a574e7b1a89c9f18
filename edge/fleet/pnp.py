"""Plug and play: a device asks by SIP multicast where its files are, and is told. Pure.

RFC 6665 as the profile draft uses it: SUBSCRIBE for `ua-profile`, 200, and one NOTIFY with an URL, which ends the
subscription. Whoever is on the network may ask, so the URL has no secret in it: who may fetch is asked there.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from edge.fleet.limits import Allowance
from models.ids import Mac
from sip.message import Headers, Request, Response, response_to
from sip.parser import ParseError, parse
from sip.uri import UriError

GROUP: Final = "224.0.1.75"
PORT: Final = 5060
EVENT: Final = "ua-profile"
MAX_PENDING: Final = 256  # NOTIFYs that were not answered yet
MAX_A_MINUTE: Final = 6  # of one MAC
MAX_DATAGRAM: Final = 4096
MAX_TRIES: Final = 6  # of a NOTIFY; about 16 s
_T1_S: Final = 0.5  # RFC 3261 §17.1.2.2
_T2_S: Final = 4.0
_MAC: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{2}([:-]?[0-9a-f]{2}){5}(?![0-9a-f])", re.ASCII)

Source = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    data: bytes
    to: Source


@dataclass(frozen=True, slots=True)
class Heard:
    """What a datagram came to. *stranger*: the MAC of who asked and is no device of ours."""

    send: tuple[Datagram, ...] = ()
    stranger: Mac | None = None


@dataclass(slots=True)
class _Pending:
    datagram: Datagram
    answer: Datagram
    due_s: float
    interval_s: float = _T1_S
    tries: int = 1


class PlugAndPlay:
    """*is_ours*: whether a MAC is that of an enabled device; *url*: where devices fetch; *own*: where we send from."""

    def __init__(self, is_ours: Callable[[Mac], bool], url: Callable[[], str], own: Source) -> None:
        self._is_ours, self._url, self._own = is_ours, url, own
        self._pending: dict[str, _Pending] = {}  # by Call-ID of the NOTIFY
        self._asked = Allowance(MAX_A_MINUTE)

    def hear(self, data: bytes, source: Source, now_s: float) -> Heard:
        """*data* came from *source*. Answers go there, and nowhere that a message names."""
        try:
            message = parse(data) if len(data) <= MAX_DATAGRAM else None
            if isinstance(message, Response):
                self._answered(message, source)
            elif message is not None:
                return self._asked_for(message, source, now_s)
        except (ParseError, UriError, ValueError):
            return Heard()  # anybody may shout into a multicast group
        return Heard()

    def due(self, now_s: float) -> list[Datagram]:
        """NOTIFYs to be sent once more; those that were sent often enough are given up."""
        again: list[Datagram] = []
        for call_id, waiting in list(self._pending.items()):
            if waiting.due_s > now_s:
                continue
            if waiting.tries >= MAX_TRIES:
                del self._pending[call_id]
                continue
            waiting.tries += 1
            waiting.interval_s = min(2 * waiting.interval_s, _T2_S)
            waiting.due_s = now_s + waiting.interval_s
            again.append(waiting.datagram)
        return again

    @property
    def waiting(self) -> bool:
        return bool(self._pending)

    def _answered(self, response: Response, source: Source) -> None:
        waiting = self._pending.get(response.call_id)
        if response.final and waiting is not None and waiting.datagram.to == source:
            del self._pending[response.call_id]

    def _asked_for(self, request: Request, source: Source, now_s: float) -> Heard:
        event = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
        if request.method != "SUBSCRIBE" or event != EVENT:
            return Heard()
        mac = _mac_of(request)
        if mac is None or request.to_tag:
            return Heard()
        if not self._is_ours(mac):
            return Heard(stranger=mac)
        known = self._pending.get(request.call_id)
        if known is not None:  # sent again, for our answer was lost
            return Heard((known.answer,) if known.datagram.to == source else ())
        if len(self._pending) >= MAX_PENDING or not self._asked.take(mac, int(now_s * 1000)):
            return Heard()
        return self._told(request, source, now_s)

    def _told(self, request: Request, source: Source, now_s: float) -> Heard:
        tag = secrets.token_hex(8)
        answer = response_to(request, 200, to_tag=tag)
        answer.headers.set("Expires", "0")
        answer.headers.set("Contact", f"<{self._contact()}>")
        notify = Datagram(self._notify(request, tag).render(), source)
        told = Datagram(answer.render(), source)
        self._pending[request.call_id] = _Pending(notify, told, now_s + _T1_S)
        return Heard((told, notify))

    def _notify(self, request: Request, tag: str) -> Request:
        """In the dialog that the SUBSCRIBE began (RFC 6665 §4.2.2), so the two swap From and To."""
        host, port = self._own
        contact = request.contact
        headers = Headers(
            (
                ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(12)};rport"),
                ("Max-Forwards", "70"),
                ("From", f"{request.headers.get_all('To')[0]};tag={tag}"),
                ("To", request.headers.get_all("From")[0]),
                ("Call-ID", request.call_id),
                ("CSeq", "1 NOTIFY"),
                ("Contact", f"<{self._contact()}>"),
                ("Event", EVENT),
                ("Subscription-State", "terminated;reason=timeout"),
                ("Content-Type", "application/url"),
            )
        )
        target = contact.uri if contact is not None else request.uri
        return Request("NOTIFY", target, headers, self._url().encode())

    def _contact(self) -> str:
        return f"sip:{self._own[0]}:{self._own[1]}"


def _mac_of(request: Request) -> Mac | None:
    """Of the device that asks: `sip:MAC%3a0c1105000001@224.0.1.75`, or so in From."""
    for uri in (request.uri, request.from_.uri):
        found = _MAC.search(unquote(uri).lower().replace("mac:", " "))
        if found is not None:
            return Mac(re.sub("[:-]", "", found.group()))
    return None
