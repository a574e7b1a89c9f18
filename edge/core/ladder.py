"""A call's SIP messages as a ladder that people read: the caller on the left, the edge, then every leg."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MIN_SPACING: Final = 18  # characters between two columns
MAX_SPACING: Final = 34
MAX_PEERS: Final = 12  # columns beside the edge's; further peers share the last one
TIME_WIDTH: Final = 9
OTHERS: Final = "others"
_STATIC_CODECS: Final[Mapping[str, str]] = {"0": "PCMU", "8": "PCMA", "9": "G722", "18": "G729"}  # RFC 3551 §6
_READ_BYTES: Final = 4096  # of a message, to find its first line and what else is shown


@dataclass(frozen=True, slots=True)
class LadderMessage:
    """One message on the wire, seen from the edge."""

    at_ms: int  # Unix milliseconds
    sent: bool  # by the edge
    peer: str  # opaque, the same for all messages of a peer
    summary: str


@dataclass(frozen=True, slots=True)
class LadderNote:
    """Something that happened in the call beside its messages."""

    at_ms: int
    text: str


def draw(
    messages: Sequence[LadderMessage | LadderNote], names: Mapping[str, str] | None = None, edge: str = "edge"
) -> str:
    """*messages* in the order given as text, a line each. *names*: what to call a peer; else it is called as it is.

    The first message's peer is the caller. Empty for no messages.
    """
    arrows = [message for message in messages if isinstance(message, LadderMessage)]
    if not arrows:
        return ""
    peers = list(dict.fromkeys(message.peer for message in arrows))
    columns = {peer: _column(index) for index, peer in enumerate(peers)}
    labels = [printable((names or {}).get(peer, peer)) for peer in peers[:MAX_PEERS]]
    if len(peers) > MAX_PEERS:
        labels[-1] = OTHERS
    spacing = _spacing([*(printable(message.summary) for message in arrows), *labels])
    labels.insert(1, edge)
    head = " " * TIME_WIDTH + "".join(label[: spacing - 1].ljust(spacing) for label in labels).rstrip()
    began_ms = messages[0].at_ms
    lines = [
        _line(message, columns[message.peer], len(labels), spacing, began_ms)
        if isinstance(message, LadderMessage)
        else _note(message, len(labels), spacing, began_ms)
        for message in messages
    ]
    return "\n".join([head, *lines]) + "\n"


def _column(index: int) -> int:
    """Where the peer number *index* stands: the edge is column 1, between the caller and the legs."""
    return 0 if index == 0 else min(index, MAX_PEERS - 1) + 1


def _spacing(texts: Sequence[str]) -> int:
    return max(MIN_SPACING, min(MAX_SPACING, max(map(len, texts)) + len("|- ") + len(" ->")))


def _bars(columns: int, spacing: int) -> list[str]:
    row = [" "] * ((columns - 1) * spacing + 1)
    for each in range(columns):
        row[each * spacing] = "|"
    return row


def _at(at_ms: int, began_ms: int) -> str:
    return f"{(at_ms - began_ms) / 1000:.3f}".rjust(TIME_WIDTH - 1)


def _note(note: LadderNote, columns: int, spacing: int, began_ms: int) -> str:
    """Between the caller and the edge, or over it where the text is longer."""
    row = _bars(columns, spacing)
    text = f" {printable(note.text)} ".center(spacing - 1, "*")[: len(row) - 1]
    row[1 : 1 + len(text)] = list(text)
    return f"{_at(note.at_ms, began_ms)} {''.join(row)}".rstrip()


def _line(message: LadderMessage, column: int, columns: int, spacing: int, began_ms: int) -> str:
    row = _bars(columns, spacing)
    left, right = sorted((1, column))
    rightwards = message.sent == (column == right)
    arrow = _arrow(printable(message.summary), (right - left) * spacing - 1, rightwards)
    row[left * spacing + 1 : right * spacing] = list(arrow)
    return f"{_at(message.at_ms, began_ms)} {''.join(row)}".rstrip()


def _arrow(text: str, width: int, rightwards: bool) -> str:
    room = width - len(" ") * 2 - len("->") - len("-")
    text = text if len(text) <= room else text[: room - 1] + "…"
    middle = f" {text} ".center(width - 1, "-")
    return f"{middle}>" if rightwards else f"<{middle}"


def printable(text: str) -> str:
    """*text* without what a terminal might obey: it came from the wire."""
    return "".join(character if character.isprintable() else "?" for character in text)


def summarize(data: bytes) -> str:
    """The first line of a SIP message in short, with what matters for a call: ``180 Ringing``, ``INVITE 101 sdp audio
    4000 PCMA sendonly``.

    Never raises: whatever it is, something readable comes back.
    """
    text = data[:_READ_BYTES].decode("utf-8", "replace")
    head, _, body = text.partition("\r\n\r\n")
    first, *headers = head.split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) == 3 and parts[0].startswith("SIP/"):
        method = _header(headers, "cseq", "cseq").rpartition(" ")[2]
        shown = f"{parts[1]} {parts[2]}" + (f" ({method})" if method not in ("", "INVITE") else "")
    elif len(parts) == 3:
        shown = f"{parts[0]} {_user(parts[1])}"
    else:
        shown = first
    if _header(headers, "content-type", "c").startswith("application/sdp"):
        shown = " ".join([shown, "sdp", *_described(body)])
    reason = _header(headers, "reason", "reason")
    return printable(f"{shown}, {reason}" if reason else shown)


def _described(body: str) -> list[str]:
    """Each media line in short: kind, port, first codec, and a direction that is not both ways; ``off`` for port 0."""
    found: list[str] = []
    maps = dict(re.findall(r"(?m)^a=rtpmap:([0-9]{1,3}) ([A-Za-z0-9_.-]{1,20})", body))
    for section in re.split(r"(?m)^m=", body)[1:]:
        match = re.match(r"([a-z]{1,12}) ([0-9]{1,5})(?:/[0-9]+)? \S+ ([0-9]{1,3})?", section)
        if match is None:
            continue
        kind, port, payload = match.groups()
        if int(port) == 0:
            found.append(f"{kind} off")
            continue
        codec = maps.get(payload or "", _STATIC_CODECS.get(payload or "", ""))
        held = re.search(r"(?m)^a=(sendonly|recvonly|inactive)\r?$", section)
        found.append(" ".join(filter(None, (kind, port, codec, held[1] if held else ""))))
    return found


def _user(uri: str) -> str:
    """User part of a Request-URI; the host where it has none."""
    rest = uri.partition(":")[2] or uri
    user, at, host = rest.partition("@")
    return (user if at else host or rest).partition(";")[0]


def _header(headers: Sequence[str], name: str, short: str) -> str:
    for line in headers:
        key, colon, value = line.partition(":")
        if colon and key.strip().casefold() in (name, short):
            return value.strip()
    return ""
