"""Cuts a byte stream into SIP messages (RFC 3261 §18.3, RFC 5626 §4.4.1)."""

import re
from typing import Final

from sip.message import Request
from sip.parser import MAX_HEAD_BYTES, ParseError, parse

MAX_BODY_BYTES: Final = 64 * 1024
_LENGTH: Final = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:([^\r\n]*)")
_LENGTH_LINE: Final = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[^\n]*\n")


class StreamFramer:
    """Feed it what arrives; it gives back whole messages and counts keep-alives to answer.

    Once `broken` is set the stream has no meaning any more: close the connection.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer known to hold no end of a header
        self._needed = 0  # length of the message at the front, once its header is complete
        self.pongs = 0  # CRLFs owed for double CRLFs; the caller sets it back
        self.broken: ParseError | None = None

    @property
    def unfinished(self) -> bool:
        """Whether part of a message is waiting for the rest."""
        return bool(self._buffer) and self._buffer != b"\r\n"

    def feed(self, data: bytes) -> list[bytes]:
        """Messages completed by *data*; those before a fault too."""
        messages: list[bytes] = []
        if self.broken is not None:
            return messages
        self._buffer += data
        try:
            while self._complete():
                messages.append(bytes(self._buffer[: self._needed]))
                del self._buffer[: self._needed]
                self._needed = self._searched = 0
        except ParseError as error:
            self.broken = error
            self._buffer.clear()
        return messages

    def _complete(self) -> bool:
        """Whether a whole message stands at the front."""
        self._skip_keep_alives()
        return bool(self._needed or self._read_length()) and len(self._buffer) >= self._needed

    def _skip_keep_alives(self) -> None:
        if self._needed:
            return
        while self._buffer[:1] == b"\r" or self._buffer[:1] == b"\n":
            if self._buffer[:4] == b"\r\n\r\n":
                self.pongs += 1
                del self._buffer[:4]
            elif len(self._buffer) < 4 and b"\r\n\r\n".startswith(self._buffer):
                return  # half a keep-alive, or somebody's answer to one of ours
            else:
                del self._buffer[:1]
            self._searched = 0

    def _read_length(self) -> bool:
        """Find the end of the header and the length of the message; False: more bytes are needed."""
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > MAX_HEAD_BYTES:
                raise ParseError(513, "Message Too Large")
            return False
        if end > MAX_HEAD_BYTES:
            raise ParseError(513, "Message Too Large")
        found = _LENGTH.findall(self._buffer, 0, end)
        digits = found[0].strip(b" \t") if len(found) == 1 else b""
        if not digits.isdigit() or len(digits) > 9:
            raise self._broken(end, 400, "Content-Length is needed on a stream")
        length = int(digits)
        if length > MAX_BODY_BYTES:
            raise self._broken(end, 413, "Request Entity Too Large")
        self._needed = end + 4 + length
        return True

    def _broken(self, end: int, status: int, reason: str) -> ParseError:
        """The error, with the request to answer if the header allows that."""
        head = _LENGTH_LINE.sub(b"", bytes(self._buffer[: end + 2])) + b"\r\n"
        try:
            message = parse(head)
        except ParseError as error:
            return ParseError(status, reason, error.request)
        if isinstance(message, Request) and message.method != "ACK":
            return ParseError(status, reason, message)
        return ParseError(status, reason)
