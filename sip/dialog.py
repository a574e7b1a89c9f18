"""Dialogs (RFC 3261 §12): state that both ends share, and the requests that are made of it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from sip.message import Headers, Message, Request, Response
from sip.uri import NameAddr, SipUri, UriError

MAX_FORWARDS: Final = "70"
_WITH_CONTACT: Final = frozenset({"INVITE", "UPDATE"})  # target refresh requests (RFC 3261 §12.2, RFC 3311 §5.1)


class DialogKey(NamedTuple):
    """What names a dialog at our end (RFC 3261 §12)."""

    call_id: str
    local_tag: str
    remote_tag: str


def key_of_request(request: Request) -> DialogKey:
    """The dialog that an incoming request claims to be in."""
    return DialogKey(request.call_id, request.to_tag, request.from_tag)


@dataclass(slots=True)
class Dialog:
    """One dialog, early or confirmed."""

    key: DialogKey
    local: str  # From of our requests, tag included
    remote: str  # To of our requests, tag included once known
    target: str  # remote target: the URI of the other side's Contact, untouched
    route_set: tuple[str, ...]
    contact: str  # our Contact
    local_cseq: int
    remote_cseq: int | None  # None until the other side sent a request
    confirmed: bool = False

    @classmethod
    def as_uas(cls, request: Request, local_tag: str, contact: str) -> "Dialog":
        """The dialog that our answer to *request* makes (RFC 3261 §12.1.1). Raises UriError without a Contact."""
        return cls(
            key=DialogKey(request.call_id, local_tag, request.from_tag),
            local=str(request.to.with_tag(local_tag)),
            remote=str(request.from_),
            target=_contact_uri(request),
            route_set=tuple(str(route) for route in request.record_routes),
            contact=contact,
            local_cseq=0,
            remote_cseq=request.cseq.number,
        )

    @classmethod
    def as_uac(cls, request: Request, response: Response) -> "Dialog":
        """The dialog that *response* to our *request* makes (RFC 3261 §12.1.2). Raises UriError without a Contact.

        Only a 1xx may lack one: then the Request-URI stands in until a better one comes.
        """
        has_contact = response.contact is not None
        return cls(
            key=DialogKey(request.call_id, request.from_tag, response.to_tag),
            local=request.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            target=_contact_uri(response) if has_contact or response.final else request.uri,
            route_set=tuple(str(route) for route in reversed(response.record_routes)),
            contact=request.headers.get("Contact") or "",
            local_cseq=request.cseq.number,
            remote_cseq=None,
            confirmed=response.success,
        )

    @classmethod
    def of_answer(cls, key: DialogKey, response: Response) -> "Dialog":
        """The dialog of a 2xx whose INVITE is forgotten, good enough to acknowledge and end it. Raises UriError."""
        return cls(
            key=key,
            local=response.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            target=_contact_uri(response),
            route_set=tuple(str(route) for route in reversed(response.record_routes)),
            contact="",
            local_cseq=response.cseq.number,
            remote_cseq=None,
            confirmed=True,
        )

    def confirm(self, response: Response) -> None:
        """A 2xx confirms an early dialog of ours: route set and target are taken anew (RFC 3261 §13.2.2.4)."""
        self.confirmed = True
        self.route_set = tuple(str(route) for route in reversed(response.record_routes))
        self.refresh(response)

    def refresh(self, message: Message) -> None:
        """Take the remote target of a target refresh request or its 2xx (RFC 3261 §12.2)."""
        if message.contact is not None:
            self.target = _contact_uri(message)

    def accepts(self, request: Request) -> bool:
        """Whether *request* is in order: gaps are allowed, going back is not (500, RFC 3261 §12.2.2)."""
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def request(self, method: str, *, content_type: str = "", body: bytes = b"") -> Request:
        """The next request of this dialog (RFC 3261 §12.2.1.1), without Via."""
        self.local_cseq += 1
        return self._request(method, self.local_cseq, content_type, body)

    def ack(self, cseq: int, *, content_type: str = "", body: bytes = b"") -> Request:
        """The ACK to a 2xx to our INVITE numbered *cseq* (RFC 3261 §13.2.2.4)."""
        return self._request("ACK", cseq, content_type, body)

    @property
    def next_hop(self) -> str:
        """The URI where requests go first (RFC 3261 §8.1.2)."""
        return NameAddr.parse(self.route_set[0]).uri if self.route_set else self.target

    def _request(self, method: str, cseq: int, content_type: str, body: bytes) -> Request:
        uri, routes = self._way()
        values = {
            "Max-Forwards": MAX_FORWARDS,
            "From": self.local,
            "To": self.remote,
            "Call-ID": self.key.call_id,
            "CSeq": f"{cseq} {method}",
        }
        if method in _WITH_CONTACT:
            values["Contact"] = self.contact
        if body:
            values["Content-Type"] = content_type
        return Request(method, uri, Headers.of(values, ("Route", routes)), body)

    def _way(self) -> tuple[str, tuple[str, ...]]:
        """Request-URI and Route headers; a strict router takes the Request-URI's place (RFC 3261 §12.2.1.1)."""
        if not self.route_set:
            return self.target, ()
        first = NameAddr.parse(self.route_set[0]).uri
        if _is_loose(first):
            return self.target, self.route_set
        return first, (*self.route_set[1:], f"<{self.target}>")


def _is_loose(uri: str) -> bool:
    try:
        return SipUri.parse(uri).param("lr") is not None
    except UriError:
        return True  # not ours to interpret


def _contact_uri(message: Message) -> str:
    contact = message.contact
    if contact is None:
        raise UriError("a message that makes a dialog needs a Contact")
    return contact.uri
