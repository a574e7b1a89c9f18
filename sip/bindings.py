"""Contact bindings: the value, how it is stored, and the table that knows which are live (RFC 3261 §10)."""

import enum
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from models.binding import ContactBinding
from models.ids import SipUser
from sip.flow import Address, Flow


class Offline(enum.Enum):
    """Why a binding stopped being live."""

    EXPIRED = "expired"
    UNREGISTERED = "unregistered"
    REPLACED = "replaced"  # the device came back under another contact
    CONNECTION_LOST = "connection_lost"
    UNREACHABLE = "unreachable"  # it no longer answers pings
    REMOVED = "removed"  # the account is gone


class Binding(NamedTuple):
    """One contact of one user. Requests go to *flow*, with *contact* untouched as Request-URI."""

    sip_user: SipUser
    key: str  # stable over refreshes, unique in the community
    contact: str
    flow: Flow
    expires_at_ms: int
    q: float = 1.0
    call_id: str = ""
    cseq: int = 0
    instance: str = ""
    reg_id: int | None = None
    user_agent: str = ""
    updated_at_ms: int = 0
    path: tuple[str, ...] = ()  # Route values of requests to it: proxies between it and us (RFC 3327)

    def stored(self) -> ContactBinding:
        return ContactBinding(
            sip_user=self.sip_user,
            key=self.key,
            contact=self.contact,
            transport=self.flow.transport,
            source=str(self.flow.remote),
            expires_at_ms=self.expires_at_ms,
            q=self.q,
            call_id=self.call_id,
            cseq=self.cseq,
            instance=self.instance,
            reg_id=self.reg_id,
            path=self.path,
            user_agent=self.user_agent,
            updated_at_ms=self.updated_at_ms,
            extra={"local": str(self.flow.local)},  # our socket that the REGISTER came to
        )

    @classmethod
    def restored(cls, stored: ContactBinding) -> "Binding":
        """A binding of before the restart: a connection is gone, a UDP flow goes on. Raises ValueError."""
        return cls(
            sip_user=stored.sip_user,
            key=stored.key,
            contact=stored.contact,
            flow=Flow(stored.transport, Address.parse(str(stored.extra.get("local"))), Address.parse(stored.source)),
            expires_at_ms=stored.expires_at_ms,
            q=stored.q,
            call_id=stored.call_id,
            cseq=stored.cseq,
            instance=stored.instance,
            reg_id=stored.reg_id,
            user_agent=stored.user_agent,
            updated_at_ms=stored.updated_at_ms,
            path=stored.path,
        )


Listener = Callable[[Binding], None]
OfflineListener = Callable[[Binding, Offline], None]


@dataclass(slots=True)
class _Entry:
    binding: Binding
    missed: int = 0  # pings in a row
    live: bool = False  # as last told to the listeners
    queued_ms: int = 0  # its place in the queue of expiries, never later than its expiry


@dataclass(slots=True)
class BindingTable:
    """All bindings in memory. Listeners are told when one becomes live and when it stops being so.

    *alive* says whether a flow can be used; *missed_max* pings without an answer make a binding unreachable.
    """

    alive: Callable[[Flow], bool]
    missed_max: int
    on_online: list[Listener] = field(default_factory=list)
    on_offline: list[OfflineListener] = field(default_factory=list)
    on_moved: list[Callable[[Binding, Binding], None]] = field(default_factory=list)  # live before and after, elsewhere
    on_change: list[Callable[[str, bool], None]] = field(default_factory=list)  # key of a binding that came or went
    on_bound: list[Callable[[Binding | None, Binding | None], None]] = field(default_factory=list)  # before and after
    _users: dict[str, dict[str, _Entry]] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)  # key -> user
    _by_connection: dict[int, set[str]] = field(default_factory=dict)
    _expiries: list[tuple[int, str]] = field(default_factory=list)  # heap of (ms, key), looked at again when due

    def __len__(self) -> int:
        return len(self._owners)

    def of(self, user: str, now_ms: int) -> tuple[Binding, ...]:
        """Bindings of *user* that have not expired, live or not, the preferred one first."""
        entries = self._users.get(user)
        if not entries:
            return ()
        found = [entry.binding for entry in entries.values() if entry.binding.expires_at_ms > now_ms]
        if len(found) > 1:
            found.sort(key=lambda binding: (-binding.q, -binding.updated_at_ms))
        return tuple(found)

    def count(self, user: str) -> int:
        """How many bindings *user* has, expired ones that were not swept yet among them."""
        return len(self._users.get(user, ()))

    def live(self, user: str, now_ms: int) -> tuple[Binding, ...]:
        """Bindings of *user* that can be rung now (decision 23)."""
        return tuple(binding for binding in self.of(user, now_ms) if self.is_live(binding.key, now_ms))

    def is_live(self, key: str, now_ms: int) -> bool:
        entry = self._entry(key)
        return entry is not None and entry.binding.expires_at_ms > now_ms and self._usable(entry)

    def get(self, key: str) -> Binding | None:
        entry = self._entry(key)
        return None if entry is None else entry.binding

    def everything(self) -> Iterable[Binding]:
        return [entry.binding for entries in self._users.values() for entry in entries.values()]

    def put(self, binding: Binding) -> None:
        """Add a binding, or renew the one with its key."""
        entries = self._users.setdefault(binding.sip_user, {})
        entry = entries.get(binding.key)
        self._bound(None if entry is None else entry.binding, binding)
        if entry is None:
            entry = entries[binding.key] = _Entry(binding)
            self._owners[binding.key] = binding.sip_user
            self._changed(binding.key, True)
        else:
            before = entry.binding
            if before.flow.connection != binding.flow.connection:
                self._forget_connection(before)
            entry.binding = binding
            entry.missed = 0
            if entry.live and before.flow.remote != binding.flow.remote:
                for tell in self.on_moved:
                    tell(before, binding)
        if binding.flow.connection:
            self._by_connection.setdefault(binding.flow.connection, set()).add(binding.key)
        if not entry.queued_ms or binding.expires_at_ms < entry.queued_ms:
            self._queue(entry)
        self._set_live(entry, self._usable(entry), Offline.CONNECTION_LOST)

    def remove(self, key: str, why: Offline) -> Binding | None:
        user = self._owners.pop(key, None)
        if user is None:
            return None
        entries = self._users[user]
        entry = entries.pop(key)
        if not entries:
            del self._users[user]
        self._bound(entry.binding, None)
        self._forget_connection(entry.binding)
        self._changed(key, False)
        self._set_live(entry, False, why)
        return entry.binding

    def expire(self, now_ms: int) -> list[Binding]:
        """Remove what has expired; returns it."""
        gone: list[Binding] = []
        while self._expiries and self._expiries[0][0] <= now_ms:
            _, key = heapq.heappop(self._expiries)
            entry = self._entry(key)
            if entry is None:
                continue
            if entry.binding.expires_at_ms <= now_ms:
                self.remove(key, Offline.EXPIRED)
                gone.append(entry.binding)
            elif entry.queued_ms <= now_ms:  # renewed meanwhile
                self._queue(entry)
        return gone

    def connection_lost(self, flow: Flow) -> None:
        """The bindings of a connection stay until they expire, for the device will be back; they are not live."""
        for key in self._by_connection.pop(flow.connection, set()):
            entry = self._entry(key)
            if entry is not None and entry.binding.flow.connection == flow.connection:
                self._set_live(entry, False, Offline.CONNECTION_LOST)
                entry.binding = entry.binding._replace(flow=flow._replace(connection=0))

    def ping_answered(self, key: str) -> None:
        entry = self._entry(key)
        if entry is not None:
            entry.missed = 0
            self._set_live(entry, self._usable(entry), Offline.CONNECTION_LOST)

    def ping_missed(self, key: str) -> None:
        entry = self._entry(key)
        if entry is not None:
            entry.missed += 1
            self._set_live(entry, self._usable(entry), Offline.UNREACHABLE)

    def _entry(self, key: str) -> _Entry | None:
        user = self._owners.get(key)
        return None if user is None else self._users[user][key]

    def _usable(self, entry: _Entry) -> bool:
        flow = entry.binding.flow
        if flow.reliable and not flow.connection:
            return False  # never dial a device: it is reached over the connection it opened, or not at all
        return (not self.missed_max or entry.missed < self.missed_max) and self.alive(flow)

    def _set_live(self, entry: _Entry, live: bool, why: Offline) -> None:
        if entry.live is live:
            return
        entry.live = live
        if live:
            for tell in self.on_online:
                tell(entry.binding)
        else:
            for tell_why in self.on_offline:
                tell_why(entry.binding, why)

    def _queue(self, entry: _Entry) -> None:
        entry.queued_ms = entry.binding.expires_at_ms
        heapq.heappush(self._expiries, (entry.queued_ms, entry.binding.key))

    def _changed(self, key: str, present: bool) -> None:
        for tell in self.on_change:
            tell(key, present)

    def _bound(self, before: Binding | None, after: Binding | None) -> None:
        for tell in self.on_bound:
            tell(before, after)

    def _forget_connection(self, binding: Binding) -> None:
        keys = self._by_connection.get(binding.flow.connection)
        if keys is not None:
            keys.discard(binding.key)
            if not keys:
                del self._by_connection[binding.flow.connection]
