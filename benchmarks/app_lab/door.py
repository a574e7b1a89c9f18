"""A door phone with a camera: its SIP side; its RTP comes from `benchmarks.app_lab.source`."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.app_lab.source import H264, PCMA, PICTURE, PORT, Source
from benchmarks.ring import Agent, header
from sip.sdp import parse

_WITHIN_S: Final = 20.0
_SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    f"m=audio {{audio}} RTP/AVP {PCMA}\r\n"
    f"m=video {{video}} RTP/AVP {H264}\r\na=rtpmap:{H264} H264/90000\r\n"
    f"a=fmtp:{H264} packetization-mode=1;profile-level-id=42001f\r\na=sendonly\r\n"
)


def description(host: str, port: int = PORT) -> str:
    """Of a door that sends from there."""
    return _SDP.format(host=host, audio=port, video=port + PICTURE)


@dataclass
class VideoCall:
    """A call that a door has made."""

    dialog: str
    branch: str
    uri: str
    cseq: int
    invited_at: float  # monotonic seconds
    to: str = ""
    target: str = ""


class VideoDoor(Agent):
    """Door number *number* of *source*. It shows its picture from the first description that it is answered with."""

    def __init__(self, host: str, login: dict[str, Any], source: Source, number: int) -> None:
        super().__init__(host, login)
        self._source = source
        self._number = number

    async def call(self, dialled: str) -> VideoCall:
        """Returns when somebody rings, and the picture is on its way."""
        uri = f"sip:{dialled}@{self.server[0]}"
        body = description(self.host)
        content = "Content-Type: application/sdp\r\n"
        dialog, branch, sent, answer = await self.proven("INVITE", uri, f"<{uri}>", content, body)
        call = VideoCall(dialog, branch, uri, 2, sent)
        while not self._shows(answer):
            answer = await self.answer(self.answers[dialog])
        return call

    async def answered(self, call: VideoCall) -> None:
        """Returns when the call was answered and the answer acknowledged."""
        async with asyncio.timeout(_WITHIN_S):
            while not (answer := await self.answers[call.dialog].get()).startswith("SIP/2.0 200"):
                if answer.startswith(("SIP/2.0 3", "SIP/2.0 4", "SIP/2.0 5", "SIP/2.0 6")):
                    raise RuntimeError(f"not answered: {answer.splitlines()[0]}")
        call.to, call.target = header(answer, "To"), header(answer, "Contact").strip("<>").partition(">")[0]
        self._shows(answer)
        self.send(self.request("ACK", call.target, call.to, call.dialog, call.cseq, _branch()))

    async def hang_up(self, call: VideoCall) -> None:
        """Returns when the BYE was answered; if nobody had answered, the ringing is cancelled."""
        self._source.end(self._number)
        queue = self.answers[call.dialog]
        if call.to:
            self.send(self.request("BYE", call.target, call.to, call.dialog, call.cseq + 1, _branch()))
            wanted = "SIP/2.0 200"
        else:
            self.send(self.request("CANCEL", call.uri, f"<{call.uri}>", call.dialog, call.cseq, call.branch))
            wanted = "SIP/2.0 487"
        async with asyncio.timeout(_WITHIN_S):
            while not (final := await queue.get()).startswith(wanted):
                continue
        if not call.to:
            self.send(self.request("ACK", call.uri, header(final, "To"), call.dialog, call.cseq, call.branch))
        del self.answers[call.dialog]

    def datagram_received(self, data: bytes, source: object) -> None:
        if data.startswith(b"BYE "):
            self.send(self.reply(data.decode(), "200 OK"))
            return
        super().datagram_received(data, source)

    def _shows(self, answer: str) -> bool:
        """Send to where *answer* says, if it says it."""
        if not answer.startswith(("SIP/2.0 18", "SIP/2.0 200")):
            raise RuntimeError(f"not rung: {answer.splitlines()[0]}")
        body = answer.partition("\r\n\r\n")[2]
        if not body:
            return False
        lines = {media.kind: (media.host, media.port) for media in parse(body.encode()).media}
        self._source.begin(self._number, lines["audio"], lines["video"])
        return True


def _branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"
