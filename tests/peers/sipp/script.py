"""SIPp scenarios written step by step: a caller with a login, or a callee, each as a list of lines of a ladder.

    callee = Callee().takes("INVITE").says(180).says(200, body=SDP).takes("ACK").takes("BYE").says(200)
    caller = Caller("101").invites().expects(180).expects(200).acks().pauses(0.2).sends("BYE").expects(200)
    Sipp(folder, callee.scenario("answers"), ip=…)

Answers repeat the headers of the INVITE wherever they answer it, so requests may come in between. A scenario passes
only if every message of it comes, in its order, and *matching* looks into what comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from xml.sax.saxutils import quoteattr

SDP: Final = """v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=sendrecv"""
HELD: Final = SDP.replace("sendrecv", "sendonly").replace("o=- 1 1", "o=- 1 2")
HOLDS: Final = SDP.replace("sendrecv", "recvonly").replace("o=- 1 1", "o=- 1 2")


@dataclass
class _Script:
    steps: list[str] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)

    @property
    def index(self) -> int:
        """Of the next step: SIPp counts a branch back over all of them, pauses included."""
        return len(self.steps)

    def scenario(self, name: str) -> str:
        """The whole as XML."""
        head = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        # A variable that is only assigned is an error to SIPp, unless it is referred to.
        known = f'<Reference variables="{",".join(sorted(self.variables))}"/>' if self.variables else ""
        body = "\n".join([*self.steps, known])
        return f"{head}<scenario name={quoteattr(name)}>\n{body}\n</scenario>\n"

    def pauses(self, seconds: float) -> Self:
        self.steps.append(f'<pause milliseconds="{round(1000 * seconds)}"/>')
        return self

    def stays(self, seconds: float) -> Self:
        """Answer what is repeated for so long after the end."""
        self.steps.append(f'<timewait milliseconds="{round(1000 * seconds)}"/>')
        return self

    def label(self, number: int) -> Self:
        """Where `takes(…, then=number)` goes on."""
        self.steps.append(f'<label id="{number}"/>')
        return self

    def _send(self, lines: Sequence[str], body: str, *, repeats: bool) -> Self:
        head = "\n".join([*lines, *(["Content-Type: application/sdp"] if body else []), "Content-Length: [len]"])
        retrans = ' retrans="500"' if repeats else ""
        self.steps.append(f"<send{retrans}><![CDATA[\n{head}\n\n{body}\n]]></send>")
        return self

    def _receive(
        self, what: str, keep: Sequence[str], matching: Sequence[str], *, optional: bool = False, then: int = 0
    ) -> Self:
        """*keep*: headers that are remembered by their names. *matching*: each has to be found in the message."""
        actions = "".join(self._kept(header) for header in keep)
        for number, pattern in enumerate(matching):
            name = f"found{self.index}x{number}"
            self.variables.add(name)
            actions += f'<ereg regexp={quoteattr(pattern)} search_in="msg" check_it="true" assign_to="{name}"/>'
        more = ' optional="true"' if optional or then else ""
        more += f' next="{then}"' if then else ""
        self.steps.append(f'<recv {what}{more} rrs="true"><action>{actions}</action></recv>')
        return self

    def _kept(self, header: str) -> str:
        name = header.lower().replace("-", "")
        self.variables.add(name)
        return f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>'


@dataclass
class Callee(_Script):
    """Who is called. *tag* may change between answers: a proxy that forks."""

    tag: str = "a"
    number: int = 0  # of its own requests
    took: str = ""

    def takes(self, method: str, *matching: str, then: int = 0) -> Self:
        """Wait for a request; with *then* it need not come, and if it does, go on at that label."""
        first = not self.steps
        keep = ["Via", "CSeq"] if method == "INVITE" else []
        self.took = method
        keep += ["From", "To"] if first else []
        return self._receive(f'request="{method}"', keep, matching, then=then)

    def says(self, status: int, *headers: str, body: str = "", tag: str = "", to_invite: bool | None = None) -> Self:
        """Answer the request taken last, or with *to_invite* the INVITE. A tag makes a dialog of its own."""
        if self.took == "INVITE" if to_invite is None else to_invite:
            to = f"To:[$to];tag=[call_number]{tag or self.tag}"
            contact = "Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>"
            own = ["Via:[$via]", "CSeq:[$cseq]", "From:[$from]", to, contact]
            repeats = status >= 200
        else:
            own, repeats = ["[last_Via:]", "[last_CSeq:]", "[last_From:]", "[last_To:]"], False
        return self._send([f"SIP/2.0 {status} Said", *own, "Call-ID: [call_id]", *headers], body, repeats=repeats)

    def asks(self, method: str, *headers: str, body: str = "") -> Self:
        """A request of its own inside the dialog."""
        self.number += method != "ACK"
        lines = [
            f"{method} [next_url] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
            "Max-Forwards: 70",
            f"From:[$to];tag=[call_number]{self.tag}",
            "To:[$from]",
            "Call-ID: [call_id]",
            f"CSeq: {self.number} {method}",
            "Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>",
        ]
        return self._send([*lines, *headers], body, repeats=method != "ACK")

    def hears(self, status: int, *matching: str, optional: bool = False) -> Self:
        """The answer to a request of its own."""
        return self._receive(f'response="{status}"', (), matching, optional=optional)


@dataclass
class Caller(_Script):
    """Who calls *dialled*; its data row is ``user;[authentication …]``, see `login_row`."""

    dialled: str = "101"
    number: int = 0
    invite_at: int = 0
    invite_number: int = 0

    def invites(self, *headers: str, body: str = SDP) -> Self:
        """INVITE, the challenge, its ACK, and INVITE with the login."""
        self._invite(headers, body)
        self.expects(100, optional=True)
        self.steps.append('<recv response="401" auth="true"/>')
        self.acks_refusal()
        return self._invite(["[field1]", *headers], body).expects(100, optional=True)

    def expects(self, status: int, *matching: str, optional: bool = False) -> Self:
        """An answer."""
        keep = ("To", "RSeq") if 180 <= status < 300 else ()
        return self._receive(f'response="{status}"', keep, matching, optional=optional)

    def takes(self, method: str, *matching: str) -> Self:
        """A request of the edge."""
        return self._receive(f'request="{method}"', (), matching)

    def says(self, status: int, *headers: str, body: str = "") -> Self:
        """Answer the request taken last."""
        own = ["[last_Via:]", "[last_CSeq:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]"]
        contact = "Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>"
        return self._send([f"SIP/2.0 {status} Said", *own, contact, *headers], body, repeats=False)

    def acks(self, body: str = "") -> Self:
        """ACK to a 2xx."""
        return self._request("ACK", (), body, self.invite_number)

    def acks_refusal(self) -> Self:
        lines = self._head("ACK", self.number, f"[branch-{self.index - self.invite_at}]")
        return self._send([*lines[:4], "[last_To:]", *lines[5:-1]], "", repeats=False)

    def sends(self, method: str, *headers: str, body: str = "") -> Self:
        """A request inside the dialog."""
        self.number += 1
        if method == "INVITE":
            self.invite_number = self.number
        return self._request(method, headers, body, self.number)

    def pracks(self) -> Self:
        """Acknowledge the reliable answer that came last."""
        return self.sends("PRACK", f"RAck:[$rseq] {self.invite_number} INVITE")

    def cancels(self) -> Self:
        lines = self._head("CANCEL", self.number, f"[branch-{self.index - self.invite_at}]")
        return self._send(lines[:-1], "", repeats=True)

    def _invite(self, headers: Sequence[str], body: str) -> Self:
        self.number += 1
        self.invite_at, self.invite_number = self.index, self.number
        return self._send([*self._head("INVITE", self.number, "[branch]"), *headers], body, repeats=True)

    def _head(self, method: str, number: int, branch: str) -> list[str]:
        return [
            f"{method} sip:{self.dialled}@[remote_ip]:[remote_port] SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport",
            "Max-Forwards: 70",
            "From: <sip:[field0]@[remote_ip]>;tag=[call_number]i",
            f"To: <sip:{self.dialled}@[remote_ip]>",
            "Call-ID: [call_id]",
            f"CSeq: {number} {method}",
            "Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>",
        ]

    def _request(self, method: str, headers: Sequence[str], body: str, number: int) -> Self:
        lines = self._head(method, number, "[branch]")
        lines[0] = f"{method} [next_url] SIP/2.0"
        lines[4] = "To:[$to]"
        return self._send([*lines, "[routes]", *headers], body, repeats=method != "ACK")
