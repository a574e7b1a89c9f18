"""Bytes to messages (RFC 3261 §7, §25). Reading is lazy: lines are split and counted here, values are read on demand.

`parse` refuses what cannot be a message; `check` reads the fields that routing needs and is called once for each
message that is not a retransmission. Both raise ParseError only, whatever the bytes.
"""

import re
from typing import Final

from sip.message import MAX_CSEQ, SPELLINGS, Headers, Request, Response, canonical
from sip.uri import UriError

MAX_HEADERS: Final = 128
MAX_LINE_CHARS: Final = 8 * 1024
MAX_HEAD_BYTES: Final = 64 * 1024

KNOWN_METHODS: Final = frozenset(
    ("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "UPDATE", "PRACK", "SUBSCRIBE", "NOTIFY", "REFER",
     "MESSAGE", "PUBLISH")
)  # fmt: skip
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^<>\"]+")
_FOLD: Final = re.compile(r"\r\n[ \t]+")
_ONCE: Final = ("From", "To", "Call-ID", "CSeq")
_AT_MOST_ONCE: Final = ("Content-Length", "Max-Forwards", "Content-Type", "Expires")


class ParseError(Exception):
    """The bytes are no message that can be worked on.

    *status* and *reason* are what the sender may be told; *request* is a carcass to answer to, None where the peer
    cannot be answered (a response, an ACK, or too little left of the header).
    """

    def __init__(self, status: int, reason: str, request: Request | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.request = request


def parse(data: bytes, stream: bool = False) -> Request | Response:
    """One datagram, or one message cut out of a stream by `sip.framer` (*stream*), as a message.

    Raises ParseError. Of a datagram longer than its Content-Length the rest is ignored (RFC 3261 §18.3).
    """
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")  # RFC 3261 §7.5
    head, blank, body = data.partition(b"\r\n\r\n")
    if len(head) > MAX_HEAD_BYTES:
        raise ParseError(513, "Message Too Large")
    text = head.decode("utf-8", "surrogateescape")
    if "\r\n " in text or "\r\n\t" in text:
        text = _unfolded(text)
    lines = text.split("\r\n")
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        # A lone CR or LF could start another header line at a laxer peer: not even an answer may repeat it.
        raise ParseError(400, "Bare CR or LF in the header")
    method, uri, status, reason, fault = _start_line(lines[0])
    values, header_fault = _header_lines(lines)
    headers = Headers.adopt(values)
    fault = fault or header_fault or _structure(values)
    if not blank:
        fault = fault or (400, "The header has no end")
    if fault is None:
        fault = _cseq_fault(values["CSeq"][0], method)
    if fault is None and "Content-Length" in values:
        length = _content_length(values["Content-Length"][0])
        if length is None or length > len(body) or (stream and length != len(body)):
            fault = (400, "Content-Length does not fit the body")
        else:
            body = body[:length]
    if fault is not None:
        raise ParseError(*fault, request=_carcass(method, uri, headers))
    if status:
        return Response(status, reason, headers, body)
    return Request(method, uri, headers, body)


def check(message: Request | Response) -> None:
    """Read what everybody after this may read without care: Via, From, To, Contact, Route and Max-Forwards.

    Raises ParseError with what to answer.
    """
    field = "Via"
    try:
        _ = message.via
        field = "From"
        _ = message.from_
        field = "To"
        _ = message.to
        field = "Max-Forwards"
        hops = message.max_forwards
        if hops is not None and hops > 255:  # RFC 3261 §20.22
            raise UriError("Max-Forwards")
        field = "Contact"
        if not (isinstance(message, Request) and is_wildcard(message)):
            _ = message.contacts
        field = "Route"
        if "Route" in message.headers:
            _ = message.routes
        if "Record-Route" in message.headers:
            _ = message.record_routes
    except UriError:
        request = message if isinstance(message, Request) and field != "Via" and message.method != "ACK" else None
        raise ParseError(400, f"Malformed {field}", request=request) from None


def is_wildcard(request: Request) -> bool:
    """Whether this is a REGISTER for all contacts (RFC 3261 §10.2.2)."""
    return request.method == "REGISTER" and request.headers.get_all("Contact") == ["*"]


def _start_line(line: str) -> tuple[str, str, int, str, tuple[int, str] | None]:
    """Method, Request-URI, status (0 for a request), reason, and what is wrong with the line."""
    if line[:8] == "SIP/2.0 ":
        code, _, reason = line[8:].partition(" ")
        if len(code) != 3 or not (code.isascii() and code.isdigit()) or not "100" <= code <= "699":
            return "", "", 0, "", (400, "Malformed status line")
        return "", "", int(code), reason, None
    parts = line.split(" ")
    if len(parts) != 3 or not (parts[0] in KNOWN_METHODS or _TOKEN.fullmatch(parts[0])):
        method = parts[0] if _TOKEN.fullmatch(parts[0]) else ""
        return method, "", 0, "", (400, "Malformed request line")
    method, uri, version = parts
    if version.upper() != "SIP/2.0":  # RFC 3261 §7.1: the version is compared without case
        known = version[:4].upper() == "SIP/"
        return method, uri, 0, "", (505, "Version Not Supported") if known else (400, "Malformed request line")
    if not _SCHEME.fullmatch(uri) or "\t" in uri:
        return method, uri, 0, "", (400, "Malformed Request-URI")
    return method, uri, 0, "", None


def _unfolded(text: str) -> str:
    """RFC 3261 §7.3.1: a line that begins with white space goes on; all the white space there is one space."""
    *parts, last = _FOLD.split(text)
    return " ".join([*(part.rstrip(" \t") for part in parts), last])


def _header_lines(lines: list[str]) -> tuple[dict[str, list[str]], tuple[int, str] | None]:
    """The lines after the first by canonical name, and the first fault among them."""
    values: dict[str, list[str]] = {}
    fault: tuple[int, str] | None = None
    known = SPELLINGS
    if len(lines) > MAX_HEADERS + 1:
        fault, lines = (400, "Too many header fields"), lines[: MAX_HEADERS + 1]
    at = iter(lines)
    next(at)
    for line in at:
        name, colon, value = line.partition(":")
        key = known.get(name)
        if key is None:
            name = name.rstrip(" \t")
            if not colon or not _TOKEN.fullmatch(name):
                fault = fault or ((400, "Malformed header line") if line else None)
                continue
            key = canonical(name)
        if len(value) > MAX_LINE_CHARS:
            fault = fault or (400, "Header line too long")
            continue
        value = value.strip(" \t")
        found = values.get(key)
        if found is None:
            values[key] = [value]
        else:
            found.append(value)
    return values, fault


def _structure(values: dict[str, list[str]]) -> tuple[int, str] | None:
    for name in _ONCE:
        found = values.get(name)
        if found is None or not found[0]:
            return 400, f"Missing {name}"
        if len(found) > 1:
            return 400, f"More than one {name}"
    if "Via" not in values:
        return 400, "Missing Via"
    for name in _AT_MOST_ONCE:
        if name in values and len(values[name]) > 1:
            return 400, f"More than one {name}"
    return None


def _cseq_fault(value: str, method: str) -> tuple[int, str] | None:
    number, _, of = value.partition(" ")
    of = of.strip()
    if not (number.isascii() and number.isdigit()) or len(number) > 10 or int(number) > MAX_CSEQ:
        return 400, "Malformed CSeq"
    if not of or (method and of != method):
        return 400, "CSeq names another method"
    return None


def _content_length(value: str) -> int | None:
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return None


def _carcass(method: str, uri: str, headers: Headers) -> Request | None:
    """What a refusal can be built from: all the fields that a response must carry, and a Via to find the way."""
    if not method or method == "ACK":
        return None
    for name in ("Via", *_ONCE):
        if name not in headers:
            return None
    for name in _ONCE:
        headers.set(name, headers.get_all(name)[0])
    request = Request(method, uri, headers)
    try:
        _ = request.via
        if method != headers.get_all("CSeq")[0].rpartition(" ")[2] and method in KNOWN_METHODS:
            return request
        _ = request.to
    except (UriError, ValueError):
        return None
    return request
