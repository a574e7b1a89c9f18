"""What a request is refused for before anybody is asked who sent it (RFC 3261 §8.2, §16.3). Rules in order."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sip.message import Request, Response, response_to
from sip.uri import SipUri, UnsupportedScheme, UriError

MAX_VIAS: Final = 10  # a house has no chain of proxies
EVENT_METHODS: Final = frozenset(("SUBSCRIBE", "NOTIFY", "PUBLISH"))
SDP: Final = "application/sdp"
_SCANNER: Final = re.compile(
    r"friendly-scanner|sipvicious|sipcli|sip-scan|sundayddr|vaxsipuseragent|pplsip", re.IGNORECASE
)


@dataclass(slots=True)
class Capabilities:
    """What this server understands. Transaction users add to it while the application is put together."""

    accepts: dict[str, frozenset[str]] = field(default_factory=dict)  # method -> media types of its body; empty: any
    extensions: set[str] = field(default_factory=set)  # option tags for Supported and Require

    @property
    def allow(self) -> str:
        return ", ".join(sorted({*self.accepts, "ACK", "CANCEL", "OPTIONS"}))

    def describe(self, response: Response) -> None:
        """Add Allow, Supported and Accept to *response* (RFC 3261 §11.2)."""
        response.headers.set("Allow", self.allow)
        response.headers.set("Supported", ", ".join(sorted(self.extensions)))
        response.headers.set("Accept", SDP)


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request: Request, to_tag: str) -> Response:
        response = response_to(request, self.status, self.reason, to_tag)
        for name, value in self.headers.items():
            response.headers.set(name, value)
        return response


def hops(request: Request, able: Capabilities) -> Refusal | None:
    """RFC 3261 §16.3: what has no hop left goes no further. Dialogs and registrations end here anyway."""
    ends_here = request.method == "REGISTER" or request.to_tag
    if request.max_forwards == 0 and not ends_here:
        return Refusal(483)
    vias = sum(line.count(",") + 1 for line in request.headers.get_all("Via"))
    return Refusal(483) if vias > MAX_VIAS else None


def method(request: Request, able: Capabilities) -> Refusal | None:
    if request.method in able.accepts or request.method == "OPTIONS":
        return None
    if request.method in EVENT_METHODS:  # RFC 6665 §7.3.2, RFC 3903 §6
        return Refusal(489, headers={"Allow-Events": "refer"} if "REFER" in able.accepts else {})
    return Refusal(405, headers={"Allow": able.allow})


def request_uri(request: Request, able: Capabilities) -> Refusal | None:
    try:
        uri = request.request_uri
    except UnsupportedScheme:
        return Refusal(416)
    except UriError:
        return Refusal(400, "Malformed Request-URI")
    return Refusal(400, "Headers in the Request-URI") if uri.headers else None  # RFC 3261 §19.1.1


def addresses(request: Request, able: Capabilities) -> Refusal | None:
    """What a registrar binds, and where a dialog goes on, must be an address of SIP."""
    try:
        if request.method == "REGISTER":
            _ = request.to.sip, request.from_.sip
        elif request.method == "INVITE":
            if request.contact is None and request.via.branch:  # RFC 2543 peers may leave it out
                return Refusal(400, "Missing Contact")  # RFC 3261 §8.1.1.8
            if request.contact is not None:
                SipUri.parse(request.contact.uri)
    except UriError:
        return Refusal(400, "Not a SIP address")
    return None


def require(request: Request, able: Capabilities) -> Refusal | None:
    """RFC 3261 §8.2.2.3."""
    unknown = request.options("Require") - able.extensions
    return Refusal(420, headers={"Unsupported": ", ".join(sorted(unknown))}) if unknown else None


def body(request: Request, able: Capabilities) -> Refusal | None:
    """RFC 3261 §8.2.3. A body that may be ignored is."""
    if not request.body or "handling=optional" in (request.headers.get("Content-Disposition") or "").replace(" ", ""):
        return None
    if (request.headers.get("Content-Encoding") or "identity").lower() != "identity":
        return Refusal(415, headers={"Accept-Encoding": "identity"})
    accepted = able.accepts.get(request.method, frozenset())
    if not accepted or request.content_type in accepted:
        return None
    return Refusal(415, headers={"Accept": ", ".join(sorted(accepted))})


Rule = Callable[[Request, Capabilities], Refusal | None]
RULES: Final[tuple[Rule, ...]] = (hops, method, request_uri, addresses, require, body)


def is_scanner(agent: str) -> bool:
    """Whether a User-Agent is the name of a scanner: most of those that knock give theirs."""
    return _SCANNER.search(agent) is not None


def refusal(request: Request, able: Capabilities) -> Refusal | None:
    """The first objection to a new *request* (no ACK, no CANCEL) that passed `sip.parser.check`."""
    for rule in RULES:
        no = rule(request, able)
        if no is not None:
            return no
    return None
