"""No text makes a reader slow: one datagram of a stranger must not stop every door of the house."""

import contextlib
import time
from collections.abc import Callable

import pytest

from sip.digest import parse_digest
from sip.framer import StreamFramer
from sip.message import Via
from sip.parser import ParseError, check, parse
from sip.plain_register import read
from sip.sdp import SdpError
from sip.sdp import parse as parse_sdp
from sip.uri import NameAddr, SipUri, UriError, parse_params, split_list

CHARS = 32_000
WITHIN_S = 0.25  # thousand times what the slowest needs for a usual text; backtracking needs minutes
# What repetitions get lost in: one character, two by turns, with a beginning or an end that fits nothing.
FILLINGS = (
    "0",
    " ",
    "\t",
    "a ",
    "; ",
    ";a",
    ";a=",
    "=",
    ",",
    "a,",
    '"',
    '\\"',
    "<",
    "<>",
    "@",
    ":",
    "%",
    "[",
    ".",
    "a=b,",
)
BEGINNINGS = ("", "sip:", "<sip:", '"', "Digest a=", "a;", "SIP/2.0/UDP a")
ENDINGS = ("", "x", '"', ">", "\x00", " ,")


def _texts() -> list[str]:
    return [
        beginning + filling * (CHARS // len(filling)) + ending
        for beginning in BEGINNINGS
        for filling in FILLINGS
        for ending in ENDINGS
    ]


def _in_time(reader: Callable[[str], object], text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(UriError, ParseError, SdpError):
        reader(text)
    took_s = time.process_time() - began
    assert took_s < WITHIN_S, (took_s, text[:20], text[-3:])


def _checked(text: str) -> None:
    check(parse(text.encode()))


def _message(line: str) -> str:
    head = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=1\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: 1\r\n"
    return f"{head}{line}\r\n\r\n"


@pytest.mark.parametrize(
    "reader",
    [
        NameAddr.parse, SipUri.parse, Via.parse, split_list, parse_params, parse_digest,
        lambda text: parse_sdp(f"v=0\r\n{text}".encode()),
        lambda text: read(f"REGISTER {text}".encode()),
        lambda text: StreamFramer().feed(f"A\r\nl:{text}\r\n\r\n".encode()),
        lambda text: _checked(_message(f"CSeq: 1 OPTIONS\r\nContact: {text[:8000]}")),
        lambda text: _checked(_message(f"CSeq: 1 OPTIONS\r\nSubject: {text}\r\n folded")),
        lambda text: _checked(_message(f"CSeq: {text[:8000]}")),
    ],
    ids=["address", "uri", "via", "list", "params", "digest", "sdp", "plain", "frame", "contact", "folded", "cseq"],
)  # fmt: skip
def test_readers_take_time_in_proportion_to_the_text(reader):
    for text in _texts():
        _in_time(reader, text)
