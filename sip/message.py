"""SIP messages: an ordered map of raw header values, read on demand, and written back (RFC 3261 §7)."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from sip.uri import NameAddr, Params, SipUri, UriError, find_param, parse_params, render_params, split_list

T = TypeVar("T")

MAX_CSEQ: Final = 2**31 - 1  # RFC 3261 §8.1.1.5

REASONS: Final = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small",
    423: "Interval Too Brief", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here",
    487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip

_CANONICAL: Final = (
    "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Route", "Record-Route", "Expires",
    "Min-Expires", "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate",
    "Authentication-Info", "Allow", "Supported", "Unsupported", "Require", "Proxy-Require", "Accept",
    "Accept-Encoding", "Accept-Language", "Content-Type", "Content-Length", "Content-Encoding",
    "Content-Disposition", "Content-Language", "User-Agent", "Server", "Subject", "Date", "Warning", "Retry-After",
    "Reason", "RSeq", "RAck", "Session-Expires", "Min-SE", "Event", "Allow-Events", "Subscription-State", "Refer-To",
    "Referred-By", "Replaces", "Privacy", "P-Asserted-Identity", "P-Preferred-Identity", "Path", "Service-Route",
    "Alert-Info", "Call-Info", "Error-Info", "Organization", "Priority", "In-Reply-To", "Reply-To", "MIME-Version",
    "Timestamp",
)  # fmt: skip
_COMPACT: Final = {
    "v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length", "c": "Content-Type",
    "s": "Subject", "k": "Supported", "e": "Content-Encoding", "o": "Event", "r": "Refer-To", "u": "Allow-Events",
    "b": "Referred-By", "x": "Session-Expires", "d": "Request-Disposition", "j": "Reject-Contact",
    "a": "Accept-Contact", "y": "Identity",
}  # fmt: skip
SPELLINGS: Final[dict[str, str]] = (
    {name: name for name in _CANONICAL}
    | {name.lower(): name for name in _CANONICAL}
    | _COMPACT
    | {short.upper(): name for short, name in _COMPACT.items()}
    | {"Cseq": "CSeq", "Call-Id": "Call-ID"}
)

_VIA: Final = re.compile(
    r"\s*SIP\s*/\s*([0-9.]{1,8})\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*))"
    r"(?:\s*:\s*([0-9]{1,5}))?\s*",
    re.ASCII,
)


def canonical(name: str) -> str:
    """The one spelling of the header field *name* (long form, known capitals; unknown ones by words)."""
    known = SPELLINGS.get(name) or SPELLINGS.get(name.lower())
    return known or "-".join(part.capitalize() for part in name.split("-"))


class CSeq(NamedTuple):
    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class Via(NamedTuple):
    """One Via value (RFC 3261 §20.42, RFC 3581)."""

    transport: str  # as sent, in capitals
    host: str
    port: int | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Read one value. Raises UriError."""
        found = _VIA.match(text)
        if found is None:
            raise UriError("Via")
        port = int(found[4]) if found[4] else None
        if port is not None and not 0 < port < 65536:
            raise UriError("Via port")
        return cls(found[2].upper(), found[3].lower(), port, parse_params(text, found.end()))

    def param(self, name: str) -> str | None:
        """The value of the parameter *name*; "" where it has none, None where it is absent."""
        return find_param(self.params, name)

    @property
    def branch(self) -> str:
        """The branch; "" where an RFC 2543 peer sent none."""
        for key, value in self.params:
            if key == "branch":
                return value or ""
        return ""

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host and port, the port being the default one where none was sent."""
        return self.host, self.port or (5061 if self.transport == "TLS" else 5060)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{render_params(self.params)}"


class Headers:
    """Raw header values by canonical name, in the order in which the names first came. Names may be given in any case.

    Values are one for each header line; comma-separated ones are left together (see `Message.contacts` and others).
    """

    __slots__ = ("_typed", "_values")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        self._typed: dict[str, object] = {}
        for name, value in items:
            self.add(name, value)

    @classmethod
    def of(cls, values: Mapping[str, str], first: tuple[str, Sequence[str]] | None = None) -> "Headers":
        """What we write ourselves: one line for each canonical name of *values*; before them the lines of *first*."""
        headers = cls.adopt({name: [value] for name, value in values.items()})
        _one_line("".join(values.values()))
        if first is not None and first[1]:
            headers._values = {first[0]: [_one_line(value) for value in first[1]], **headers._values}
        return headers

    @classmethod
    def adopt(cls, values: dict[str, list[str]]) -> "Headers":
        """Take *values* (canonical name to lines) as they are: the parser's way in."""
        headers = cls.__new__(cls)
        headers._values = values
        headers._typed = {}
        return headers

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of *name*."""
        values = self._values.get(name) or self._values.get(canonical(name))
        return values[0] if values else default

    def get_all(self, name: str) -> list[str]:
        """All values of *name*, one a line, in order. A copy."""
        return list(self._values.get(name) or self._values.get(canonical(name)) or ())

    def add(self, name: str, value: str) -> None:
        """Append a line."""
        name = canonical(name)
        self._typed.pop(name, None)
        self._values.setdefault(name, []).append(_one_line(value))

    def set(self, name: str, value: str | Iterable[str]) -> None:
        """Put *value* (or several lines) in the place of all lines of *name*."""
        name = canonical(name)
        self._typed.pop(name, None)
        self._values[name] = [_one_line(value)] if isinstance(value, str) else [_one_line(one) for one in value]

    def remove(self, name: str) -> None:
        """Take all lines of *name* out; nothing where there are none."""
        name = canonical(name)
        self._typed.pop(name, None)
        self._values.pop(name, None)

    def insert_first(self, name: str, value: str) -> None:
        """Put a line before the others of *name*; the first of all headers where there were none."""
        name = canonical(name)
        self._typed.pop(name, None)
        if name in self._values:
            self._values[name].insert(0, _one_line(value))
        else:
            self._values = {name: [_one_line(value)], **self._values}

    def copy(self) -> "Headers":
        return Headers.adopt({name: list(values) for name, values in self._values.items()})

    def items(self) -> Iterator[tuple[str, str]]:
        """Each line, names grouped."""
        for name, values in self._values.items():
            for value in values:
                yield name, value

    def replace_via(self, top: Via) -> None:
        """Put *top* in the place of the topmost Via. Raises UriError where there is none."""
        lines = list(self._values.get("Via") or [""])
        lines[0] = ", ".join([_one_line(str(top)), *split_list(lines[0])[1:]])
        self._values["Via"] = lines
        self._typed["Via"] = top

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values or canonical(name) in self._values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # mutable: not a key

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"

    def typed(self, name: str, read: Callable[[list[str]], T]) -> T:
        """The lines of the canonical *name* as *read* understands them, read once until they change."""
        if name in self._typed:
            return self._typed[name]  # type: ignore[return-value]  # put there by the same *read*
        value = self._typed[name] = read(self._values.get(name, []))
        return value


class Message:
    """What requests and responses share. Typed properties raise UriError where the header is malformed or missing;
    for what came off the wire `sip.parser.check` has been passed before anybody else sees it."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body

    @property
    def call_id(self) -> str:
        return _first(self.headers._values.get("Call-ID", []))

    @property
    def cseq(self) -> CSeq:
        return self.headers.typed("CSeq", _cseq)

    @property
    def from_(self) -> NameAddr:
        return self.headers.typed("From", _address)

    @property
    def to(self) -> NameAddr:
        return self.headers.typed("To", _address)

    @property
    def from_tag(self) -> str:
        """ "" where an RFC 2543 peer sent none."""
        return self.headers.typed("From", _address).tag or ""

    @property
    def to_tag(self) -> str:
        """ "" outside a dialog."""
        return self.headers.typed("To", _address).tag or ""

    @property
    def via(self) -> Via:
        """The topmost Via."""
        return self.headers.typed("Via", _top_via)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None where there is none. Raises UriError for ``*``."""
        return next(iter(self.contacts), None)

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        return self.headers.typed("Contact", _addresses)

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        return self.headers.typed("Route", _addresses)

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        return self.headers.typed("Record-Route", _addresses)

    @property
    def max_forwards(self) -> int | None:
        return self.headers.typed("Max-Forwards", _number)

    @property
    def expires(self) -> int | None:
        """Seconds; None where absent."""
        return self.headers.typed("Expires", _number)

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case, without parameters; "" where absent."""
        value = self.headers.get("Content-Type") or ""
        return value.partition(";")[0].strip().lower()

    def options(self, name: str) -> frozenset[str]:
        """Option tags of Supported, Require and their kin, in lower case."""
        lines = self.headers.get_all(name)
        return frozenset(tag for line in lines for one in line.split(",") if (tag := one.strip().lower()))

    def _render(self, start: str) -> bytes:
        parts = [start]
        for name, values in self.headers._values.items():
            if name == "Content-Length":
                continue
            if len(values) == 1:
                parts.append(f"{name}: {values[0]}")
            else:
                parts.extend(f"{name}: {value}" for value in values)
        parts.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(parts).encode("utf-8", "surrogateescape") + self.body


class Request(Message):
    """A request. *uri* is the Request-URI as it stands on the wire."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers | None = None, body: bytes = b"") -> None:
        super().__init__(Headers() if headers is None else headers, body)
        self.method = method
        self.uri = _one_line(uri)

    @property
    def request_uri(self) -> SipUri:
        """The Request-URI, read. Raises UriError."""
        return SipUri.parse(self.uri)

    def render(self) -> bytes:
        return self._render(f"{self.method} {self.uri} SIP/2.0")

    def __repr__(self) -> str:
        return f"<{self.method} {self.uri} {self.headers.get('Call-ID')}>"


class Response(Message):
    """A response. *status* 100–699."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str | None = None, headers: Headers | None = None, body: bytes = b""
    ) -> None:
        super().__init__(Headers() if headers is None else headers, body)
        self.status = status
        self.reason = REASONS.get(status, "") if reason is None else _one_line(reason)

    @property
    def final(self) -> bool:
        return self.status >= 200

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300

    def render(self) -> bytes:
        return self._render(f"SIP/2.0 {self.status} {self.reason}")

    def __repr__(self) -> str:
        return f"<{self.status} {self.headers.get('CSeq')} {self.headers.get('Call-ID')}>"


def response_to(request: Request, status: int, reason: str | None = None, to_tag: str | None = None) -> Response:
    """A response with what RFC 3261 §8.2.6.2 says must be copied. *to_tag* is added to a To without one."""
    source = request.headers._values
    names: tuple[str, ...] = ("Via", "From", "To", "Call-ID", "CSeq")
    if 100 < status < 300 and "Record-Route" in source:
        names = (*names, "Record-Route")  # RFC 3261 §12.1.1
    headers = Headers.adopt({name: list(source[name]) for name in names if name in source})
    if to_tag and not _has_tag(request):
        headers.set("To", f"{source['To'][0]};tag={to_tag}")
    return Response(status, reason, headers)


def _has_tag(request: Request) -> bool:
    """True also for a To that cannot be read: it goes back as it came."""
    try:
        return bool(request.to_tag)
    except UriError:
        return True


def _one_line(value: str) -> str:
    """Refuse what would start another header line: a bug of ours, or text a peer smuggled in."""
    if "\n" in value or "\r" in value:
        raise ValueError("a header value has one line")
    return value


def _first(lines: list[str]) -> str:
    if not lines:
        raise UriError("missing header")
    return lines[0]


def _cseq(lines: list[str]) -> CSeq:
    number, _, method = _first(lines).partition(" ")
    method = method.strip()
    if not (number.isascii() and number.isdigit()) or len(number) > 10 or int(number) > MAX_CSEQ or not method:
        raise UriError("CSeq")
    return CSeq(int(number), method)


def _address(lines: list[str]) -> NameAddr:
    return NameAddr.parse(_first(lines))


def _addresses(lines: list[str]) -> tuple[NameAddr, ...]:
    if not lines:
        return ()
    return tuple(NameAddr.parse(item) for line in lines for item in split_list(line))


def _top_via(lines: list[str]) -> Via:
    return Via.parse(split_list(_first(lines))[0])


def _number(lines: list[str]) -> int | None:
    if not lines:
        return None
    if not (lines[0].isascii() and lines[0].isdigit()) or len(lines[0]) > 10:
        raise UriError("number")
    return int(lines[0])
