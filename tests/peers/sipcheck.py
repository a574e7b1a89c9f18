"""A strict check of the bytes of one SIP message that *we* sent. Standard library only, no code of ours.

Stricter than a receiver may be: no folding, no bare LF, no branch of RFC 2543. tshark accepts most broken SIP.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = r"[A-Za-z0-9\-.!%*_+`'~]+"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_COMPACT: Final = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
    "s": "subject", "k": "supported", "e": "content-encoding", "o": "event", "r": "refer-to", "u": "allow-events",
    "b": "referred-by", "x": "session-expires",
}  # fmt: skip
_ONCE: Final = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "expires")
_NAME_ADDRS: Final = (
    "from", "to", "contact", "route", "record-route", "refer-to", "referred-by", "p-asserted-identity", "path",
    "service-route",
)  # fmt: skip
_URI: Final = r"(?:sips?:[^\s<>\"]+|tel:[0-9+*#\-.()A-Za-z;=]+|urn:[^\s<>\"]+|\*)"
_BARE_URI: Final = r"(?:sips?:[^\s<>\";?,]+|tel:[0-9+*#\-.()A-Za-z=]+|urn:[^\s<>\";]+|\*)"
_PARAMETERS: Final = rf"(?:\s*;\s*{_TOKEN}(?:=(?:{_TOKEN}|\[[0-9a-fA-F:.]+\]|{_QUOTED}|[^\s;,\"<>]+))?)*"
_NAME_ADDR: Final = re.compile(rf'\s*(?:(?:{_QUOTED}|[^"<>,;]*)\s*<{_URI}>|{_BARE_URI}){_PARAMETERS}\s*')
_VIA: Final = re.compile(
    r"SIP/2\.0/(?:UDP|TCP|TLS|WS|WSS)\s+(?:[A-Za-z0-9.\-]+|\[[0-9a-fA-F:.]+\])(?::\d+)?((?:\s*;\s*[^;\s]+)*)"
)
_BARE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")


@dataclass(frozen=True, slots=True)
class _Message:
    method: str  # of the request, or of the response's CSeq
    status: int  # 0 = a request
    headers: tuple[tuple[str, str], ...]  # long lower-case names
    body: bytes
    udp: bool

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")


def problems(raw: bytes, *, udp: bool = True) -> list[str]:
    """What is wrong with *raw*, in words; empty if it is a well-formed SIP message."""
    head, blank_line, body = raw.partition(b"\r\n\r\n")
    if not blank_line:
        return ["no empty line after the header"]
    if _BARE_LINE_END.search(head) or b"\0" in head:
        return ["bare CR, bare LF or NUL in the header"]
    try:
        start, *lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        return ["the header is not UTF-8"]
    found = [f"header line {line[:80]!r}" for line in lines if not _header(line)]
    headers = tuple(header for line in lines if (header := _header(line)))
    request = re.fullmatch(rf"({_TOKEN}) (\S+) SIP/2\.0", start)
    response = re.fullmatch(r"SIP/2\.0 ([1-6]\d\d) .*", start)
    if request:
        if not re.fullmatch(_URI, request[2]):
            found.append(f"request URI {request[2]!r}")
        message = _Message(request[1], 0, headers, body, udp)
    elif response:
        cseq = next((value for name, value in headers if name == "cseq"), "")
        message = _Message(cseq.partition(" ")[2].strip(), int(response[1]), headers, body, udp)
    else:
        return [*found, f"start line {start[:80]!r}"]
    return [*found, *_header_problems(message), *_body_problems(message)]


def _header(line: str) -> tuple[str, str] | None:
    match = re.fullmatch(rf"({_TOKEN})[ \t]*:[ \t]*(.*)", line)
    if not match:
        return None
    name = match[1].lower()
    return _COMPACT.get(name, name), match[2].strip()


def _header_problems(message: _Message) -> Iterator[str]:
    yield from _presence(message)
    yield from _vias(message)
    for name in _NAME_ADDRS:
        for value in message.all(name):
            yield from (f"{name} {one.strip()[:100]!r}" for one in _by_commas(value) if not _NAME_ADDR.fullmatch(one))
    yield from _cseq(message)
    if "tag=" not in message.first("from").replace(" ", ""):
        yield "From without a tag"
    if message.status > 100 and ";tag=" not in message.first("to").replace(" ", ""):
        yield "To of a response without a tag"
    for value in message.all("max-forwards"):
        if not re.fullmatch(r"\d{1,3}", value) or int(value) > 255:
            yield f"Max-Forwards {value!r}"
    takes_contact = message.method == "INVITE" and (message.status == 0 or 200 <= message.status < 300)
    if takes_contact and len(message.all("contact")) != 1:
        yield "an INVITE and its 2xx have one Contact"
    for status, name in ((401, "www-authenticate"), (407, "proxy-authenticate")):
        if message.status == status and not message.all(name):
            yield f"{status} without {name}"


def _presence(message: _Message) -> Iterator[str]:
    needed = ("via", "from", "to", "call-id", "cseq", *(("max-forwards",) if message.status == 0 else ()))
    yield from (f"no {name}" for name in needed if not message.all(name))
    yield from (f"{name} more than once" for name in _ONCE if len(message.all(name)) > 1)


def _vias(message: _Message) -> Iterator[str]:
    for value in message.all("via"):
        for one in _by_commas(value):
            match = _VIA.fullmatch(one.strip())
            branch = match and re.search(r";\s*branch=(z9hG4bK[^;\s]+)", match[1])
            if not branch:
                yield f"Via {one.strip()[:100]!r}"


def _cseq(message: _Message) -> Iterator[str]:
    value = message.first("cseq")
    match = re.fullmatch(rf"(\d+)\s+({_TOKEN})", value)
    if value and (not match or int(match[1]) >= 2**31):
        yield f"CSeq {value!r}"
    elif match and message.status == 0 and match[2] != message.method:
        yield f"CSeq of {match[2]} in a {message.method}"


def _body_problems(message: _Message) -> Iterator[str]:
    length = message.first("content-length")
    if length and not length.isdecimal():
        yield f"Content-Length {length!r}"
    elif length and int(length) != len(message.body):
        yield f"Content-Length {length}, body {len(message.body)}"
    elif not length and (message.body or not message.udp):
        yield "no Content-Length"
    if message.body and not message.all("content-type"):
        yield "a body without Content-Type"
    if message.body and message.first("content-type").lower().startswith("application/sdp"):
        yield from (f"SDP: {problem}" for problem in sdp_problems(message.body))


_SDP_LINES: Final = {
    "o": re.compile(r"o=\S+ \d+ \d+ IN IP[46] \S+"),
    "c": re.compile(r"c=IN IP[46] \S+"),
    "m": re.compile(r"m=\S+ \d+(/\d+)? \S+( \S+)+"),
}
_RTPMAP: Final = re.compile(r"a=rtpmap:\d+ [^/ ]+/\d+(/\d+)?")


def sdp_problems(body: bytes) -> list[str]:
    """What is wrong with a session description; empty if nothing."""
    if not body.endswith(b"\r\n") or _BARE_LINE_END.search(body):
        return ["a line that does not end with CRLF"]
    lines = body.decode("utf-8", "replace").removesuffix("\r\n").split("\r\n")
    found = [f"line {line[:60]!r}" for line in lines if not re.fullmatch(r"[a-z]=(\S.*)?|s= .*", line)]
    found += [line for line in lines if (rule := _SDP_LINES.get(line[:1])) and not rule.fullmatch(line)]
    found += [line for line in lines if line.startswith("a=rtpmap:") and not _RTPMAP.fullmatch(line)]
    return found + list(_sdp_order("".join(line[:1] for line in lines))) + list(_unmapped_payloads(lines))


def _sdp_order(letters: str) -> Iterator[str]:
    session, *media = re.split(r"(?=m)", letters)
    if not re.fullmatch(r"vosi?u?e*p*c?b*(tr*)+z?k?a*", session):
        yield f"order of the session part: {session}"
    for part in media:
        if not re.fullmatch(r"mi?c*b*k?a*", part):
            yield f"order of a media part: {part}"
        elif "c" not in session and "c" not in part:
            yield "a media without an address"


def _unmapped_payloads(lines: list[str]) -> Iterator[str]:
    for line in lines:
        match = re.fullmatch(r"m=\S+ [1-9]\S* RTP/\S+ ([\d ]+)", line)
        for payload in match[1].split() if match else ():
            if int(payload) >= 96 and not any(other.startswith(f"a=rtpmap:{payload} ") for other in lines):
                yield f"payload type {payload} without rtpmap"


def _by_commas(value: str) -> list[str]:
    """Split a header's value at commas outside quotes and angle brackets."""
    parts, start, quoted, bracket, escaped = [], 0, False, False, False
    for place, letter in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = letter == "\\"
            quoted = letter != '"'
        elif letter == '"':
            quoted = True
        elif letter in "<>":
            bracket = letter == "<"
        elif letter == "," and not bracket:
            parts.append(value[start:place])
            start = place + 1
    return [*parts, value[start:]]


def split_stream(stream: bytes) -> Iterator[tuple[bytes, bool]]:
    """Messages of a TCP stream and whether each is whole; CRLF keep-alives are skipped."""
    rest = stream.lstrip(b"\r\n\0")
    while rest:
        head = rest.find(b"\r\n\r\n")
        if head < 0:
            yield rest, False
            return
        length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", rest[:head])
        end = head + 4 + (int(length[1]) if length else 0)
        yield rest[:end], len(rest) >= end
        rest = rest[end:].lstrip(b"\r\n\0")
