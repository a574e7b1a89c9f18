"""What stands before the parser: a rate for each source, and bans (decision 34)."""

import ipaddress
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeVar

from sip.bans import Bans
from sip.flow import Address

SOURCES_MAX: Final = 16_384  # buckets remembered; the one unused longest goes first
SHARED_TIMES: Final = 10.0  # the rate of all strangers together at an address that devices of ours share with them

CHALLENGED: Final = 0.1  # strikes: a scanner asks and asks and never answers
WRONG: Final = 1.0
SCANNER: Final = 20.0  # it says itself what it is

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Key = TypeVar("Key")


class Gate:
    """Says whether a source may send one more message.

    A source is an address. Where a device of ours has a registration from that address, it is an address and port:
    who sits behind the same NAT cannot silence it, nor have it banned. A source with a live registration is never
    banned.
    """

    def __init__(self, rate_per_s: float, burst: int, trusted: Iterable[str] = (), *, bans: bool = True) -> None:
        """*rate_per_s* 0: no limit. *trusted*: addresses or networks without limits (ValueError if malformed)."""
        self.limit(rate_per_s, burst, trusted)
        self._buckets: dict[object, tuple[float, float]] = {}  # tokens left, at (seconds)
        self._devices: Counter[Address] = Counter()  # live
        self._homes: Counter[str] = Counter()  # addresses with a registration, live or not
        self._bans = Bans() if bans else None

    def limit(self, rate_per_s: float, burst: int, trusted: Iterable[str]) -> None:
        """The same anew, from now on: buckets and bans stay."""
        self._rate = rate_per_s
        self._burst = float(burst)
        self._trusted: tuple[_Network, ...] = tuple(ipaddress.ip_network(one, strict=False) for one in trusted)
        self._is_trusted: dict[str, bool] = {}

    # --- who is at home -------------------------------------------------------------------------------------------

    def registered(self, source: Address) -> None:
        """A device has a live registration from *source*."""
        self._devices[source] += 1

    def unregistered(self, source: Address) -> None:
        _less(self._devices, source)

    def bound(self, host: str) -> None:
        """A contact is bound that came from *host*."""
        self._homes[host] += 1

    def unbound(self, host: str) -> None:
        _less(self._homes, host)

    # --- rates ----------------------------------------------------------------------------------------------------

    def wait_s(self, source: Address, now: float) -> float:
        """0.0: the message may pass, and is counted. Otherwise the seconds after which one may."""
        if self._rate <= 0 or self._trusts(source.host):
            return 0.0
        if source in self._devices:
            return self._take(source, 1.0, now)
        if source.host not in self._homes:
            return self._take(source.host, 1.0, now)
        return self._take(source, 1.0, now) or self._take(source.host, SHARED_TIMES, now)

    def _take(self, key: object, times: float, now: float) -> float:
        rate, burst = self._rate * times, self._burst * times
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            if len(self._buckets) >= SOURCES_MAX:
                del self._buckets[next(iter(self._buckets))]
            tokens = burst
        else:
            tokens = min(burst, bucket[0] + (now - bucket[1]) * rate)
        wait = 0.0 if tokens >= 1.0 else (1.0 - tokens) / rate
        self._buckets[key] = (tokens - 1.0 if tokens >= 1.0 else tokens, now)
        return wait

    # --- bans -----------------------------------------------------------------------------------------------------

    def banned(self, source: Address, now: float) -> bool:
        """Whether nothing that comes from *source* is to be read now."""
        if self._bans is None or source in self._devices:
            return False
        return self._bans.banned(self._culprit(source), now)

    def strike(self, source: Address, weight: float, now: float) -> bool:
        """Note that *source* was challenged, wrong, or a scanner. True: give it no answer, it has had its share."""
        if self._bans is None or self._trusts(source.host):
            return False
        if weight < WRONG and source in self._devices:  # its nonces grow old: that is no offence
            return False
        culprit = self._culprit(source)
        return self._bans.strike(culprit, weight, now) or self._bans.banned(culprit, now)

    def proven(self, source: Address) -> None:
        """*source* has shown a right password."""
        if self._bans is not None:
            self._bans.forgive(self._culprit(source))

    def banned_count(self, now: float) -> int:
        """How many sources are banned now."""
        return 0 if self._bans is None else self._bans.count(now)

    def _culprit(self, source: Address) -> object:
        return source if source.host in self._homes else source.host

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


def _less(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
