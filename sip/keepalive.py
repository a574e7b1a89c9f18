"""OPTIONS to every registered device, spread over the interval: keeps NATs open and finds out who is gone."""

import zlib
from collections.abc import Iterable
from typing import Final

from sip.bindings import Binding, BindingTable
from sip.client_tx import ClientTx
from sip.endpoint import Endpoint
from sip.flow import Handle
from sip.message import Headers, Request, Response
from sip.server_tx import new_tag

ANSWER_WITHIN_S: Final = 4.0  # sooner than timer F: a device of one's own house that takes longer is not there
TICKS_A_SECOND: Final = 10  # so that ten thousand devices are forty pings at a time


class Pinger:
    """Call `tick` `TICKS_A_SECOND` times a second. Any answer, even a refusal, shows that somebody is there."""

    def __init__(self, endpoint: Endpoint, table: BindingTable, interval_s: float) -> None:
        self._endpoint = endpoint
        self._table = table
        self._slots = max(1, round(interval_s * TICKS_A_SECOND))
        self._slot = 0
        self._by_slot: dict[int, set[str]] = {}
        self._call_id = new_tag()
        self._count = 0
        table.on_change.append(self._changed)

    def tick(self) -> None:
        """Ping those whose turn it is."""
        self._slot = (self._slot + 1) % self._slots
        for key in sorted(self._by_slot.get(self._slot, ())):
            binding = self._table.get(key)
            if binding is not None and self._endpoint.wire.alive(binding.flow):
                self._ping(binding)

    def _changed(self, key: str, present: bool) -> None:
        slot = self._by_slot.setdefault(zlib.crc32(key.encode()) % self._slots, set())
        if present:
            slot.add(key)
        else:
            slot.discard(key)

    def _ping(self, binding: Binding) -> None:
        self._count += 1
        ours = self._endpoint.address_for(binding.flow)
        headers = Headers(
            (
                *(("Route", proxy) for proxy in binding.path),
                ("From", f"<sip:{ours}>;tag={new_tag()}"),
                ("To", f"<{binding.contact}>"),
                ("Call-ID", f"ping-{self._count}-{self._call_id}"),
                ("CSeq", "1 OPTIONS"),
            )
        )
        deadline: list[Handle] = []

        def answered(response: Response) -> None:
            if response.final:
                _cancel(deadline)
                self._table.ping_answered(binding.key)

        def missed(_: object = None) -> None:
            _cancel(deadline)
            tx.abandon()
            self._table.ping_missed(binding.key)

        tx: ClientTx = self._endpoint.request(
            Request("OPTIONS", binding.contact, headers), binding.flow, answered, missed
        )
        timers = self._endpoint.timers
        deadline.append(timers.call_at(timers.time() + ANSWER_WITHIN_S, missed))


def _cancel(handles: Iterable[Handle]) -> None:
    for handle in handles:
        handle.cancel()
