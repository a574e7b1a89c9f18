"""DNS for `sip.locating`, without blocking the event loop: dnspython, and the system's own resolver for hosts files."""

import asyncio
import random
import socket
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

from sip.locating import Answer, Ask, Kind, Located, Naptr, Question, Srv, parse_server

ANSWER_WITHIN_S: Final = 4.0  # all servers and their repetitions
ONE_SERVER_S: Final = 1.5
SYSTEM_TTL_S: Final = 300.0  # the system's resolver does not say how long it is right
FAILED_TTL_S: Final = 5.0
_ADDRESS_TYPES: Final = (dns.rdatatype.A, dns.rdatatype.AAAA)


class Resolver(Protocol):
    """What answers the questions of `sip.locating.locate`."""

    async def answer(self, question: Question) -> Answer:
        """Never raises: a failure is an answer."""
        ...


class Names:
    """Asks *servers* (address, or address:port) and nobody else; none: the system's DNS servers, then the system."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        """Raises ValueError where one is no address."""
        self._servers = [_nameserver(one) for one in servers]

    async def answer(self, question: Question) -> Answer:
        resolver = self._resolver()
        if question.kind is not Kind.ADDRESS:
            return _failed() if resolver is None else await _of_type(resolver, question.name, question.kind.value)
        found = _failed() if resolver is None else await _addresses(resolver, question.name)
        if found.addresses or self._servers:
            return found
        return await _by_system(question.name) or found

    def _resolver(self) -> dns.asyncresolver.Resolver | None:
        """A new one each time: the system's servers change when the box gets another address. None: it has none."""
        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        except (dns.resolver.NoResolverConfiguration, OSError):
            return None
        resolver.lifetime, resolver.timeout = ANSWER_WITHIN_S, ONE_SERVER_S
        if self._servers:
            resolver.nameservers = list(self._servers)
        return resolver


async def look_up(search: Ask, resolver: Resolver) -> Located:
    """Carry *search* to its end."""
    answers: dict[Question, Answer] | None = None
    while True:
        try:
            questions = next(search) if answers is None else search.send(answers)
        except StopIteration as end:  # an address asks nothing
            found: Located = end.value
            return found
        told = await asyncio.gather(*(resolver.answer(question) for question in questions))
        answers = dict(zip(questions, told, strict=True))


def draw(most: int) -> int:
    """The chance of RFC 2782."""
    return random.randint(0, most)  # noqa: S311 - shares the load, no secret


def _nameserver(text: str) -> dns.nameserver.Nameserver:
    return dns.nameserver.Do53Nameserver(*parse_server(text))


def _failed() -> Answer:
    return Answer(FAILED_TTL_S, failed=True)


async def _addresses(resolver: dns.asyncresolver.Resolver, name: str) -> Answer:
    """IPv4 first: what is behind an old provider's IPv6 address is often nobody."""
    both = await asyncio.gather(*(_of_type(resolver, name, kind.name) for kind in _ADDRESS_TYPES))
    addresses = tuple(address for answer in both for address in answer.addresses)
    useful = [answer for answer in both if answer.addresses] or both
    return Answer(
        min(answer.ttl_s for answer in useful),
        addresses=addresses,
        failed=not addresses and any(answer.failed for answer in both),
    )


async def _of_type(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> Answer:
    try:
        asked = dns.name.from_text(name)
        found = await resolver.resolve(asked, kind, raise_on_no_answer=False, search=False)
    except dns.resolver.NXDOMAIN as error:
        # RFC 2308 §5: that there is no such name is as good as an answer, for as long as its SOA says.
        return Answer(_ttl_s(error.response(asked)))  # type: ignore[no-untyped-call]  # of dnspython
    except (dns.exception.DNSException, OSError, UnicodeError):
        return _failed()
    return _read(found)


def _ttl_s(response: dns.message.Message) -> float:
    if not isinstance(response, dns.message.QueryMessage):
        return FAILED_TTL_S
    return float(response.resolve_chaining().minimum_ttl)


def _read(found: dns.resolver.Answer) -> Answer:
    records = list(found.rrset or ())
    ttl_s = float(found.chaining_result.minimum_ttl)
    if found.rdtype == dns.rdatatype.NAPTR:
        return Answer(ttl_s, naptrs=tuple(
            Naptr(one.order, one.preference, _text(one.flags), _text(one.service), _host(one.replacement))
            for one in records
        ))  # fmt: skip
    if found.rdtype == dns.rdatatype.SRV:
        srvs = tuple(Srv(one.priority, one.weight, one.port, _host(one.target)) for one in records)
        return Answer(ttl_s, srvs=srvs)
    return Answer(ttl_s, addresses=tuple(str(one.address) for one in records))


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).removesuffix(".")


async def _by_system(name: str) -> Answer | None:
    """As other programs of this machine see it: /etc/hosts and what else it is set up for; None: nothing there."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return None
    addresses: Mapping[str, None] = dict.fromkeys(str(info[4][0]) for info in found)
    return Answer(SYSTEM_TTL_S, addresses=tuple(addresses))
