"""Where a provider's servers are (RFC 3263 §4.1, §4.2): what to ask of DNS, and the order of what it says (RFC 2782).

`locate` is a generator: it yields questions that may be asked at once, is sent the answers, and returns what it found.
"""

import enum
import ipaddress
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sip.flow import Address, Destination

DNS_PORT: Final = 53
SRV_MAX: Final = 16  # records of one answer that are used, and addresses of one name: an answer may be hostile
ADDRESSES_MAX: Final = 8
TARGETS_MAX: Final = 32
PORTS: Final[Mapping[str, int]] = {"UDP": 5060, "TCP": 5060, "TLS": 5061}  # RFC 3261 §19.1.2
SERVICES: Final[Mapping[str, str]] = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}  # RFC 3263 §4.1
SRV_NAMES: Final[Mapping[str, str]] = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}


class Kind(enum.Enum):
    """What is asked of a name."""

    NAPTR = "NAPTR"
    SRV = "SRV"
    ADDRESS = "A and AAAA"


@dataclass(frozen=True, slots=True)
class Question:
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 3403 §4.1."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str  # a name without the dot at its end


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782. *target* "" : the service is decidedly not there."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, of one kind only; nothing at all is an answer, too."""

    ttl_s: float  # how long it may be believed, also that there is nothing
    naptrs: tuple[Naptr, ...] = ()
    srvs: tuple[Srv, ...] = ()
    addresses: tuple[str, ...] = ()
    failed: bool = False  # nobody answered, or a server was in trouble: it may well exist


@dataclass(frozen=True, slots=True)
class Located:
    """Targets in the order to try them. Not *sure* where a question failed: older knowledge is better then."""

    targets: tuple[Destination, ...]
    ttl_s: float
    sure: bool = True


_Result = TypeVar("_Result")
_Step = Generator[tuple[Question, ...], Mapping[Question, Answer], _Result]
Ask = _Step[Located]
_NO_END: Final = float("inf")


def locate(host: str, port: int, transport: str, draw: Callable[[int], int]) -> Ask:
    """The servers of *host*. *port* 0: the one that DNS says, else the usual one. *transport*: udp, tcp, tls or auto.

    *draw(n)* gives a random whole number from 0 to *n*. All targets have the same transport: a server that cannot be
    had by TLS is not tried without. The certificate of each must carry *host* (RFC 5922 §7.1), whatever names DNS puts
    in between.
    """
    wanted = "" if transport == "auto" else transport.upper()
    if is_address(host):
        plain = wanted or "UDP"
        return Located((Destination(plain, host, port or PORTS[plain], host),), _NO_END)
    search = _Search(host)
    if not port:
        services = yield from search.services(wanted)
        wanted, srvs = yield from search.records(services)
        if srvs:
            return (yield from search.targets(wanted, in_order(srvs[:SRV_MAX], draw)))
    # RFC 3263 §4.2: the port is given, or there are no SRV records.
    plain = wanted or "UDP"
    return (yield from search.targets(plain, [Srv(0, 0, port or PORTS[plain], host)]))


class _Search:
    """One look-up: how long all that it heard may be believed, and whether it heard all."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._ttl_s = _NO_END
        self._sure = True

    def services(self, wanted: str) -> _Step[list[tuple[str, str]]]:
        """Transports and the names of their SRV records; several only where any will do."""
        if wanted:
            return [(wanted, SRV_NAMES[wanted] + self._host)]
        question = Question(Kind.NAPTR, self._host)
        answers = yield from self._hear([question])
        found = preferred(answers[question].naptrs)
        return [found] if found else [(transport, prefix + self._host) for transport, prefix in SRV_NAMES.items()]

    def records(self, services: Sequence[tuple[str, str]]) -> _Step[tuple[str, tuple[Srv, ...]]]:
        """The first of *services* that has records: where DNS has no wish, all are asked for (RFC 3263 §4.1)."""
        questions = [Question(Kind.SRV, name) for _, name in services]
        answers = yield from self._hear(questions)
        for (transport, _), question in zip(services, questions, strict=True):
            if answers[question].srvs:
                return transport, answers[question].srvs
        return services[0][0], ()

    def targets(self, transport: str, ordered: Sequence[Srv]) -> Ask:
        """Every address of every record."""
        questions = {srv.target: Question(Kind.ADDRESS, srv.target) for srv in ordered if srv.target}
        answers = yield from self._hear(list(questions.values()))
        found = [
            Destination(transport, address, srv.port, self._host)
            for srv in ordered
            if srv.target
            for address in answers[questions[srv.target]].addresses[:ADDRESSES_MAX]
        ]
        return Located(tuple(dict.fromkeys(found))[:TARGETS_MAX], self._ttl_s, self._sure)

    def _hear(self, questions: Sequence[Question]) -> _Step[Mapping[Question, Answer]]:
        answers = (yield tuple(questions)) if questions else {}
        for answer in answers.values():
            self._ttl_s = min(self._ttl_s, answer.ttl_s)
            self._sure &= not answer.failed
        return answers


def preferred(naptrs: Iterable[Naptr]) -> tuple[str, str] | None:
    """The transport of ours that the provider prefers, and the name of its SRV records (RFC 3403 §4.1)."""
    usable = [one for one in naptrs if one.flags.lower() == "s" and one.service.upper() in SERVICES and one.replacement]
    best = min(usable, key=lambda one: (one.order, one.preference), default=None)
    return (SERVICES[best.service.upper()], best.replacement) if best is not None else None


def in_order(srvs: Iterable[Srv], draw: Callable[[int], int]) -> list[Srv]:
    """RFC 2782, "Weight": the lowest priority first; among equals by chance, as often as their weights say."""
    ordered: list[Srv] = []
    left = sorted(srvs, key=lambda srv: (srv.priority, srv.weight))  # those without a weight come first
    while left:
        equals = [srv for srv in left if srv.priority == left[0].priority]
        drawn, running = draw(sum(srv.weight for srv in equals)), 0
        for chosen in equals:
            running += chosen.weight
            if running >= drawn:
                break
        ordered.append(chosen)
        left.remove(chosen)
    return ordered


def is_address(host: str) -> bool:
    """Whether *host* is an IP address, no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_server(text: str) -> Address:
    """*text* of the configuration: an address, or address:port. Raises ValueError."""
    try:
        found = Address(text, DNS_PORT) if is_address(text) else Address.parse(text)
    except ValueError:
        found = None
    if found is None or not is_address(found.host) or not 0 < found.port < 65536:
        raise ValueError(f"{text!r} is no address of a DNS server")
    return found
