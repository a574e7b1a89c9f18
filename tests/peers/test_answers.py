"""Answers outside any call, with SIPp asking: refusals (RFC 3261 §8.2, §16.3), OPTIONS, REGISTER."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.device import DigestOffer
from tests.fakes.b2bua import DOOR, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.sipp import ALL_PASSED, Sipp, login_row
from tests.peers.sipp.script import SDP, Caller

WITHIN_S: Final = 15.0


class Asker(Caller):
    """Requests outside any dialog, each with a From tag and a Call-ID of the scenario."""

    def asks(
        self,
        request: str,
        *headers: str,
        body: str = "",
        hops: int = 70,
        number: int = 1,
        kind: str = "application/sdp",
    ) -> Self:
        """*request*: the first line, without the version if that is 2.0."""
        method = request.split()[0]
        line = request if "SIP/" in request else f"{request} SIP/2.0"
        lines = [
            line,
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
            f"Max-Forwards: {hops}",
            "From: <sip:[field0]@[remote_ip]>;tag=[call_number]q",
            "To: <sip:[field0]@[remote_ip]>",
            "Call-ID: [call_id]",
            f"CSeq: {number} {method}",
            *headers,
        ]
        if body:
            lines.append(f"Content-Type: {kind}")
        head = "\n".join([*lines, "Content-Length: [len]"])
        self.steps.append(f'<send retrans="500"><![CDATA[\n{head}\n\n{body}\n]]></send>')
        return self

    def proven(self, request: str, *headers: str, number: int) -> Self:
        """*request* twice: challenged, then with the login."""
        self.asks(request, *headers, number=number)
        self.steps.append('<recv response="401" auth="true"/>')
        return self.asks(request, *headers, "[field1]", number=number + 1)


CONTACT: Final = "Contact: <sip:[field0]@[local_ip]:[local_port]>"
URI: Final = "sip:101@[remote_ip]:[remote_port]"
REFUSED: Final = {
    "a malformed Contact": (Asker().asks(f"INVITE {URI}", "Contact: <sip:a", body=SDP), 400, ""),
    "no Contact": (Asker().asks(f"INVITE {URI}", body=SDP), 400, ""),
    "who are you": (Asker().asks(f"INVITE {URI}", CONTACT, body=SDP), 401, "WWW-Authenticate: Digest realm="),
    "a method that is not served": (Asker().asks(f"MESSAGE {URI}"), 405, "Allow: .*INVITE"),
    "a body of another kind": (
        Asker().asks(f"INVITE {URI}", CONTACT, body="hello", kind="text/plain"), 415, "Accept: application/sdp",
    ),
    "a packed body": (
        Asker().asks(f"INVITE {URI}", CONTACT, "Content-Encoding: gzip", body="x"), 415, "Accept-Encoding: identity",
    ),
    "a scheme of telephones": (Asker().asks("INVITE tel:+4930123456", CONTACT, body=SDP), 416, ""),
    "a scheme of nobody": (Asker().asks("OPTIONS soap.beep://192.0.2.1"), 416, ""),
    "an extension": (Asker().asks(f"INVITE {URI}", CONTACT, "Require: gruu", body=SDP), 420, "Unsupported: gruu"),
    "outside any dialog": (Asker().asks(f"BYE {URI}"), 401, ""),
    "no hop left": (Asker().asks(f"INVITE {URI}", CONTACT, body=SDP, hops=0), 483, ""),
    "an event": (Asker().asks(f"SUBSCRIBE {URI}", CONTACT, "Event: presence"), 489, ""),
    "another SIP": (Asker().asks(f"OPTIONS {URI} SIP/7.0"), 505, ""),
}  # fmt: skip


@pytest.mark.peer("sipp")
@pytest.mark.parametrize(("steps", "status", "says"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_refusal(tmp_path: Path, addresses: Iterator[str], steps: Asker, status: int, says: str) -> None:
    asked = Asker(list(steps.steps)).expects(status, *([says] if says else []))
    async with CallingHouse(next(addresses), (DOOR, MONITOR), plan([target(MONITOR)])) as house:
        await passes(tmp_path, house, next(addresses), asked)
        assert house.desk.dialled == []


@pytest.mark.peer("sipp")
async def test_options(tmp_path: Path, addresses: Iterator[str]) -> None:
    asked = Asker().asks(f"OPTIONS {URI}")
    asked.expects(200, "Allow: .*INVITE", "Supported: .*100rel", "Supported: .*timer", "Accept: application/sdp")
    async with CallingHouse(next(addresses), (DOOR,), plan([target(MONITOR)])) as house:
        await passes(tmp_path, house, next(addresses), asked)


@pytest.mark.peer("sipp")
async def test_registrations(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Two contacts, a query, one goes, an interval that is too brief, ``*``."""
    registrar = "REGISTER sip:[remote_ip]:[remote_port]"
    one, two = "<sip:[field0]@[local_ip]:6001>", "<sip:[field0]@[local_ip]:6002>"
    steps = Asker().proven(registrar, f"Contact: {one};expires=300, {two};q=0.5", number=1)
    steps.expects(200, ":6001>;expires=", ":6002>;expires=", "Date: ")
    steps.proven(registrar, number=3).expects(200, ":6001>", ":6002>")
    steps.proven(registrar, f"Contact: {two}", "Expires: 0", number=5).expects(200, ":6001>")
    steps.proven(registrar, f"Contact: {two}", "Expires: 30", number=7).expects(423, "Min-Expires: 60")
    steps.proven(registrar, "Contact: *", number=9).expects(400)
    steps.proven(registrar, "Contact: *", "Expires: 0", number=11).expects(200)
    async with CallingHouse(next(addresses), (DOOR,), plan([target(MONITOR)])) as house:
        house.offer_md5(DOOR)
        await passes(tmp_path, house, next(addresses), steps)
        assert list(house.registrar.table.everything()) == []


async def passes(folder: Path, house: CallingHouse, ip: str, steps: Asker) -> None:
    asker = Sipp(
        folder, steps.scenario("asker"), ip=ip, target=house.server, calls=1, rows=[login_row(DOOR, f"pw{DOOR}")]
    )
    assert await asker.finished(WITHIN_S) == ALL_PASSED, asker.complaints


@pytest.mark.peer("pjsua2", "linphone")
@pytest.mark.parametrize("kind", ["pjsua2", "linphone"])
async def test_a_telephone_proves_itself_by_sha_256_alone(tmp_path: Path, addresses: Iterator[str], kind: str) -> None:
    """RFC 8760, with independent sums."""
    async with CallingHouse(next(addresses), (DOOR,), plan([target(MONITOR)])) as house:
        house.offer(DOOR, DigestOffer.SHA256)
        ip, uri = next(addresses), f"sip:{house.server}"
        phone = (
            Phone(PhoneSettings(ip, DOOR, f"pw{DOOR}", domain=house.ip, registrar=uri, proxy=f"{uri};lr"), "pjsua")
            if kind == "pjsua2"
            else Linphone(tmp_path, LinphoneSettings(ip, DOOR, f"pw{DOOR}", server=house.server))
        )
        async with phone:
            await phone.registered()
            assert len(list(house.registrar.table.everything())) == 1
