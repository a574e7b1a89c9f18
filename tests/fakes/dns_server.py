"""A DNS server on loopback with the records of a test.

async with DnsServer("127.0.0.5", {"_sip._udp.example.test SRV": ("60", "1 1 5060 a.example.test.")}) as dns: …
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SOA: Final = "ns.test. admin.test. 1 3600 600 86400 {ttl}"


class DnsServer(asyncio.DatagramProtocol):
    """Answers for the zone ``test.`` over UDP; *records*: "name TYPE" -> TTL in seconds and the values.

    Names in *silent* get no answer, those in *broken* SERVFAIL; what is not there does not exist for *negative_s*.
    """

    def __init__(self, host: str, records: Mapping[str, tuple[str, ...]], *, negative_s: int = 30) -> None:
        self.host = host
        self.records = dict(records)
        self.silent: set[str] = set()
        self.broken: set[str] = set()
        self.asked: Counter[str] = Counter()
        self._negative_s = negative_s
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> str:
        """As `[sip] dns_servers` names it."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked[f"{name} {kind}"] += 1
        if name in self.silent or self._transport is None:
            return
        self._transport.sendto(self._answer(query, name, kind).to_wire(), addr)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        found = self.records.get(f"{name} {kind}")
        if found is not None:
            ttl, *values = found
            answer.answer.append(dns.rrset.from_text(f"{name}.", int(ttl), "IN", kind, *values))
            return answer
        if not any(record.startswith(f"{name} ") for record in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        ttl = self._negative_s
        answer.authority.append(dns.rrset.from_text("test.", ttl, "IN", "SOA", SOA.format(ttl=ttl)))
        return answer
