"""The REGISTER that nearly all phones send, answered in one go.

A house's phones say little else, and after a power cut they say it all at once. Such a message is read with a few
expressions, proven, bound and answered here, without the objects of a transaction. Only the two usual answers are given
here: the first challenge, and the 200. Everything else, be it a header of another shape or a wrong password, goes the
long way through `sip.parser`, `sip.endpoint` and `sip.registrar`, and finds nothing changed. Both ways give the same
answers; a test compares them.
"""

import re
from typing import Final, NamedTuple

from models.ids import SipUser
from sip.admission import is_scanner
from sip.endpoint import Endpoint
from sip.flow import Flow
from sip.gate import CHALLENGED
from sip.registrar import Registrar, Sender, http_date

PLAIN_BYTES_MAX: Final = 2048
# What may stand beside the fields that are read. Whatever could change the answer (Require, Path, a compact form, …) is
# not here.
_READ: Final = ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Expires", "Max-Forwards", "Authorization")
_IGNORED: Final = (
    "Content-Length", "User-Agent", "Allow", "Supported", "Accept", "Allow-Events", "Date", "Organization", "Subject",
    "Accept-Encoding", "Accept-Language", "Priority", "Server", "Timestamp",
)  # fmt: skip
_PLAIN_FIELDS: Final = frozenset((*_READ, *_IGNORED))
_WORD: Final = r"[A-Za-z0-9\-.!%*_+`'~]+"
_HOST: Final = r"(?:[a-z0-9][a-z0-9.\-]*|\[[0-9a-f:.]+\])"
_PORT: Final = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}"
_START: Final = re.compile(rf"REGISTER (sip:{_HOST}(?::(?:{_PORT}))?(?:;transport=[a-z]+)?) SIP/2\.0")
_VIA: Final = re.compile(
    rf"(SIP/2\.0/(?:UDP|TCP|TLS) ({_HOST})(?::({_PORT}))?)(;rport)?(;branch=(z9hG4bK{_WORD}))(;rport)?(;alias)?"
)
_FROM: Final = re.compile(
    rf"((?:\"[^\"\\]*\" ?)?<sip:([A-Za-z0-9._\-]+)@{_HOST}(?::(?:{_PORT}))?(?:;transport=[a-z]+)?>);tag={_WORD}"
)
_CALL_ID: Final = re.compile(r"[!-~]+")
_CONTACT: Final = re.compile(
    rf"(?:\"[^\"\\]*\" ?)?<sips?:[A-Za-z0-9.+*_@:;=\[\]\-]+>(?:;[A-Za-z0-9+.\-]+(?:=(?:\"[^\"\\]*\"|{_WORD}))?)*"
)


class PlainRegister(NamedTuple):
    """A REGISTER without a peculiarity: values as they stand on the wire."""

    uri: str
    via: re.Match[str]
    user: str  # of From; To is the same address
    fields: dict[str, str]
    cseq: int


def read(data: bytes) -> PlainRegister | None:
    """*data*, if it is a REGISTER of the plain shape."""
    if len(data) > PLAIN_BYTES_MAX or not data.isascii():
        return None
    head, blank, body = data.decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    ends = len(lines) - 1
    start = _START.fullmatch(lines.pop(0))
    if start is None or not blank or body or head.count("\n") != ends or head.count("\r") != ends:
        return None
    try:
        fields = dict([line.split(": ", 1) for line in lines])
        via = _VIA.fullmatch(fields["Via"])
        sender = _FROM.fullmatch(fields["From"])
        number, _, method = fields["CSeq"].partition(" ")
        plain = via and sender and fields["To"] == sender[1] and _CALL_ID.fullmatch(fields["Call-ID"])
    except (ValueError, KeyError):  # a line without a colon, a field that must be there
        return None
    if not plain or via is None or sender is None or len(fields) != ends or not fields.keys() <= _PLAIN_FIELDS:
        return None
    if method != "REGISTER" or not _CONTACT.fullmatch(fields.get("Contact", "<sip:none>")):
        return None
    if not (_small(number) and _small(fields.get("Max-Forwards", "70"), 255) and _small(fields.get("Expires", "0"))):
        return None
    if fields.get("Content-Length", "0") != "0" or is_scanner(fields.get("User-Agent", "")):
        return None
    return PlainRegister(start[1], via, sender[2], fields, int(number))


def _small(digits: str, most: int = 999_999_999) -> bool:
    return digits.isdigit() and len(digits) < 10 and int(digits) <= most


class PlainRegistrations:
    """Takes REGISTERs before the endpoint's own way does: `Endpoint.shortcut`."""

    def __init__(self, endpoint: Endpoint, registrar: Registrar) -> None:
        self._endpoint = endpoint
        self._registrar = registrar

    def __call__(self, data: bytes, flow: Flow) -> bool:
        """Answer *data*. False: it has to go the long way, and nothing has changed."""
        message = read(data)
        if message is None:
            return False
        endpoint = self._endpoint
        key = (flow.transport, message.via[6], message.via[2], int(message.via[3] or 5060), "REGISTER")
        if endpoint.answer_again(key, message.fields["Call-ID"]):
            return True
        via = self._located(message, flow)
        if via is None:
            return False
        credentials = message.fields.get("Authorization")
        if credentials is not None:
            return self._register(message, credentials, via, key, flow)
        asked = endpoint.authenticator.challenges(message.user, message.via[6], endpoint.timers.time())
        endpoint.counters["digest_no_answer"] += 1
        if endpoint.strike(flow, CHALLENGED):
            return True
        more = "".join([f"WWW-Authenticate: {line}\r\n" for line in asked])
        endpoint.transmit(flow, self._answer("401 Unauthorized", message, via, more), message.fields["Call-ID"])
        return True

    def _register(
        self, message: PlainRegister, credentials: str, via: str, key: tuple[object, ...], flow: Flow
    ) -> bool:
        authenticator, fields = self._endpoint.authenticator, message.fields
        proof = authenticator.credentials(credentials)
        if proof is None or proof["username"] != message.user or proof["uri"] != message.uri:
            return False
        contact = fields.get("Contact")
        if contact is None or not authenticator.matches(proof, "REGISTER"):
            return False
        agent = fields.get("User-Agent", "").strip(" \t")
        sender = Sender(SipUser(message.user), flow, fields["Call-ID"], message.cseq, agent)
        wish = self._registrar.plain_wish(contact, fields.get("Expires"), sender)
        if wish is None or not authenticator.spend(proof, self._endpoint.timers.time()):
            return False
        self._endpoint.counters["digest_proven"] += 1
        self._endpoint.gate.proven(flow.remote)
        now_ms = self._endpoint.clock.now_ms()
        more = "".join([f"Contact: {one}\r\n" for one in self._registrar.bind(wish, sender, now_ms)])
        answer = self._answer("200 OK", message, via, f"{more}Date: {http_date(now_ms // 1000)}\r\n")
        self._endpoint.transmit(flow, answer, sender.call_id)
        self._endpoint.remember_answer(key, flow, answer)
        return True

    def _located(self, message: PlainRegister, flow: Flow) -> str | None:
        """The Via to answer with (RFC 3261 §18.2.1, RFC 3581 §4); None where the answer would go elsewhere."""
        start, host, _, before, branch, _, after, alias = message.via.groups("")
        remote = flow.remote.host.partition("%")[0]
        if before or after:
            return f"{start}{branch}{alias};rport={flow.remote.port};received={remote}"
        if not flow.reliable and not self._endpoint.settings.force_rport:
            return None
        return message.via[0] if host.strip("[]") == remote else f"{message.via[0]};received={remote}"

    def _answer(self, status: str, message: PlainRegister, via: str, more: str) -> bytes:
        fields = message.fields
        sender, call_id, cseq = fields["From"], fields["Call-ID"], fields["CSeq"]
        tag = self._endpoint.tag_for(call_id, cseq, sender)
        return (
            f"SIP/2.0 {status}\r\nVia: {via}\r\nFrom: {sender}\r\nTo: {fields['To']};tag={tag}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq}\r\n{more}Content-Length: 0\r\n\r\n"
        ).encode()
