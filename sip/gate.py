"""The limit before the parser: a token bucket for each source (decision 34)."""

import ipaddress
from collections import Counter
from collections.abc import Iterable
from typing import Final

from sip.flow import Address

SOURCES_MAX: Final = 16_384  # buckets remembered; the one unused longest goes first

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Gate:
    """Says whether a source may send one more message. A source is an address, or an address and port for a device
    with a live registration, so that devices behind one NAT do not silence each other."""

    def __init__(self, rate_per_s: float, burst: int, trusted: Iterable[str] = ()) -> None:
        """*rate_per_s* 0: no limit. *trusted*: addresses or networks without limits (ValueError if malformed)."""
        self._rate = rate_per_s
        self._burst = float(burst)
        self._trusted: tuple[_Network, ...] = tuple(ipaddress.ip_network(one, strict=False) for one in trusted)
        self._is_trusted: dict[str, bool] = {}
        self._buckets: dict[object, tuple[float, float]] = {}  # tokens left, at (seconds)
        self._devices: Counter[Address] = Counter()

    def registered(self, source: Address) -> None:
        """A device has a live registration from *source*."""
        self._devices[source] += 1

    def unregistered(self, source: Address) -> None:
        self._devices[source] -= 1
        if self._devices[source] <= 0:
            del self._devices[source]

    def wait_s(self, source: Address, now: float) -> float:
        """0.0: the message may pass, and is counted. Otherwise the seconds after which one may."""
        if self._rate <= 0 or self._trusts(source.host):
            return 0.0
        key: object = source if source in self._devices else source.host
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            if len(self._buckets) >= SOURCES_MAX:
                del self._buckets[next(iter(self._buckets))]
            tokens = self._burst
        else:
            tokens = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        wait = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._rate
        self._buckets[key] = (tokens - 1.0 if tokens >= 1.0 else tokens, now)
        return wait

    def _trusts(self, host: str) -> bool:
        if not self._trusted:
            return False
        known = self._is_trusted.get(host)
        if known is None:
            if len(self._is_trusted) >= SOURCES_MAX:
                self._is_trusted.clear()
            address = ipaddress.ip_address(host.partition("%")[0])
            known = self._is_trusted[host] = any(address in network for network in self._trusted)
        return known
