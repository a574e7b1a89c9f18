"""Addresses of this machine alone, one for each simulated device, so that each has its own fixed ports.

On Linux all of 127.0.0.0/8 is there without configuration. A block is held by a bound socket, so two runs at the same
time never share one, and a run that was killed leaves nothing behind.
"""

import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self

_FIRST_BLOCK: Final = 16  # 127.0.x.x is where everybody else is
_LAST_BLOCK: Final = 254
_CLAIM_PORT: Final = 1025  # the lowest that needs no privilege; no device of ours uses it
_HOSTS_A_NET: Final = 250


class NoBlockFree(Exception):
    """Every block of 127.0.0.0/8 is taken by another run."""


@dataclass
class AddressBlock:
    """127.*block*.0.0/16 for this process alone; hands out one address after the other. A context manager."""

    block: int
    _claim: socket.socket
    _next: int = field(default=0)

    @classmethod
    def claim(cls) -> Self:
        """A block that no other process holds. Raises NoBlockFree."""
        blocks = list(range(_FIRST_BLOCK, _LAST_BLOCK + 1))
        random.shuffle(blocks)  # so that two runs started together rarely try the same
        for block in blocks:
            claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                claim.bind((f"127.{block}.0.1", _CLAIM_PORT))
            except OSError:
                claim.close()
            else:
                return cls(block, claim)
        raise NoBlockFree("no free block in 127.0.0.0/8: end other test runs")

    def address(self) -> str:
        """The next address, never one that was handed out before."""
        net, host = divmod(self._next, _HOSTS_A_NET)
        self._next += 1
        if net > 254:
            raise NoBlockFree(f"all addresses of 127.{self.block}.0.0/16 were handed out")
        return f"127.{self.block}.{net + 1}.{host + 1}"

    def addresses(self) -> Iterator[str]:
        """Addresses without end (until the block is used up)."""
        while True:
            yield self.address()

    def close(self) -> None:
        """Give the block back."""
        self._claim.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
