"""The registrar (RFC 3261 §10): one's own AOR only, several contacts, flows beside them, expiry with jitter."""

import email.utils
import hashlib
import logging
import random
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from edge.core.ports import BindingStore
from models.ids import SipUser
from sip.bindings import Binding, BindingTable, Offline
from sip.flow import Flow
from sip.message import Request, Response, response_to
from sip.parser import is_wildcard
from sip.server_tx import ServerTx
from sip.settings import SipSettings
from sip.uri import NameAddr, SipUri, UriError, split_list

log: Final = logging.getLogger(__name__)

DEFAULT_EXPIRES_S: Final = 3600  # RFC 3261 §10.2: where the device names none, or something unreadable
EXPIRES_JITTER: Final = 0.1  # so that devices that came together do not come back together
CONTACTS_MAX: Final = 8  # of one user; the one renewed longest ago makes room
USER_AGENT_CHARS_MAX: Final = 128
PATH_MAX: Final = 4  # proxies between a device and us
PATH_CHARS_MAX: Final = 1024  # of them all: they go into every request to the device
WISHES_REMEMBERED_MAX: Final = 16_384


class Wish(NamedTuple):
    """One Contact of a REGISTER, read."""

    contact: str
    expires_s: int  # 0: remove
    q: float
    instance: str
    reg_id: int | None
    key: str


class Sender(NamedTuple):
    """What a registration says beside its contacts."""

    user: SipUser  # proven
    flow: Flow
    call_id: str
    cseq: int
    user_agent: str
    path: tuple[str, ...] = ()


class Registrar:
    """REGISTER in, bindings out. Times are Unix milliseconds, given by the caller.

    Bindings survive a restart through *store*. After one, a UDP binding is live at once; a TCP or TLS one only when its
    device has opened a new connection and registered on it.
    """

    def __init__(
        self,
        settings: SipSettings,
        store: BindingStore,
        *,
        alive: Callable[[Flow], bool],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """*alive*: whether a flow can be used, `Wire.alive`. *jitter*: numbers in [0, 1)."""
        self._settings = settings
        self._store = store
        self._jitter = jitter
        self.table = BindingTable(alive, settings.ping_failures if settings.ping_interval_s > 0 else 0)

    def load(self, now_ms: int) -> None:
        """Take over the bindings of before the restart. Call once, when the sockets are bound."""
        stale = []
        for stored in self._store.load():
            if stored.expires_at_ms <= now_ms:
                stale.append(stored)
                continue
            try:
                self.table.put(Binding.restored(stored))
            except ValueError:
                log.warning("a stored contact binding cannot be read and is dropped", extra={"key": stored.key})
                stale.append(stored)
        if stale:
            self._store.save((), [(stored.sip_user, stored.key) for stored in stale])

    def live(self, sip_user: str, now_ms: int) -> tuple[Binding, ...]:
        """The contacts of *sip_user* that can be rung now, the preferred one first."""
        return self.table.live(sip_user, now_ms)

    def expire(self, now_ms: int) -> None:
        """Drop what has expired. Call about once a second."""
        gone = self.table.expire(now_ms)
        if gone:
            self._store.save((), [(binding.sip_user, binding.key) for binding in gone])

    def drop(self, sip_user: str) -> None:
        """The account is gone or disabled: so are its contacts."""
        gone = [binding for binding in self.table.of(sip_user, 0) if self.table.remove(binding.key, Offline.REMOVED)]
        if gone:
            self._store.save((), [(binding.sip_user, binding.key) for binding in gone])

    def answer(self, tx: ServerTx, now_ms: int) -> None:
        """Carry out the REGISTER of *tx*, whose sender is proven to own the AOR."""
        if tx.user is None:  # somebody vouched for instead of proven has no AOR here
            tx.reply(403)
            return
        tx.respond(self.register(tx.request, tx.user, tx.flow, now_ms, tx.local_tag))

    def register(self, request: Request, user: SipUser, flow: Flow, now_ms: int, to_tag: str) -> Response:
        """Carry out *request*, all of it or nothing, and say what to answer (RFC 3261 §10.3)."""
        current = {binding.key: binding for binding in self.table.of(user, now_ms)}
        try:
            wishes = _wildcard(request, current) if is_wildcard(request) else _wishes(request, user, flow)
        except UriError:
            return response_to(request, 400, "Malformed Contact", to_tag)
        try:
            path = _path(request)
        except UriError:
            return response_to(request, 400, "Malformed Path", to_tag)
        agent = request.headers.get("User-Agent") or ""
        sender = Sender(user, flow, request.call_id, request.cseq.number, agent, path)
        for wish in wishes:
            if 0 < wish.expires_s < self._settings.min_expires_s:  # §10.3 step 7
                refused = response_to(request, 423, to_tag=to_tag)
                refused.headers.set("Min-Expires", str(self._settings.min_expires_s))
                return refused
            if _out_of_order(sender, current.get(wish.key)):
                return response_to(request, 500, "Out of order", to_tag)
        self._carry_out(wishes, sender, now_ms)
        return self._success(request, user, now_ms, to_tag)

    # --- one contact, for those who read a REGISTER in their own way ---

    def plain_wish(self, line: str, expires: str | None, sender: Sender) -> Wish | None:
        """The Contact *line* of a REGISTER that has no other; None where `register` would refuse or remove it."""
        try:
            wish = _plain_wish(line, expires, sender.user, sender.flow.transport)
        except UriError:
            return None
        if wish.expires_s < self._settings.min_expires_s or _out_of_order(sender, self.table.get(wish.key)):
            return None
        return wish

    def bind(self, wish: Wish, sender: Sender, now_ms: int) -> list[str]:
        """Carry out a `plain_wish`; the Contact values of the answer."""
        self._carry_out((wish,), sender, now_ms)
        return self._contacts(sender.user, now_ms)

    def _carry_out(self, wishes: Iterable[Wish], sender: Sender, now_ms: int) -> None:
        changed: list[Binding] = []
        removed: list[Binding] = []
        for wish in wishes:
            if wish.expires_s == 0:
                if (gone := self.table.remove(wish.key, Offline.UNREGISTERED)) is not None:
                    removed.append(gone)
                continue
            binding = Binding(
                sip_user=sender.user,
                key=wish.key,
                contact=wish.contact,
                flow=sender.flow,
                expires_at_ms=now_ms + 1000 * self._granted_s(wish.expires_s),
                q=wish.q,
                call_id=sender.call_id,
                cseq=sender.cseq,
                instance=wish.instance,
                reg_id=wish.reg_id,
                user_agent=sender.user_agent[:USER_AGENT_CHARS_MAX],
                updated_at_ms=now_ms,
                path=sender.path,
            )
            self.table.put(binding)
            changed.append(binding)
        if changed and self.table.count(sender.user) > CONTACTS_MAX:
            removed += self._make_room(sender.user, now_ms)
            gone_keys = {binding.key for binding in removed}
            changed = [binding for binding in changed if binding.key not in gone_keys]
        if changed or removed:
            self._store.save(changed, [(b.sip_user, b.key) for b in removed])

    def _make_room(self, user: SipUser, now_ms: int) -> list[Binding]:
        present = sorted(self.table.of(user, now_ms), key=lambda binding: binding.updated_at_ms)
        oldest = present[: max(0, len(present) - CONTACTS_MAX)]
        for binding in oldest:
            self.table.remove(binding.key, Offline.REPLACED)
        return oldest

    def _granted_s(self, wanted_s: int) -> int:
        wanted_s = min(wanted_s, self._settings.max_expires_s)
        granted = round(wanted_s * (1 - EXPIRES_JITTER + 2 * EXPIRES_JITTER * self._jitter()))
        return max(1, min(granted, self._settings.max_expires_s))

    def _success(self, request: Request, user: SipUser, now_ms: int, to_tag: str) -> Response:
        """§10.3 step 8: all bindings of the AOR with the time they have left."""
        response = response_to(request, 200, to_tag=to_tag)
        for contact in self._contacts(user, now_ms):
            response.headers.add("Contact", contact)
        for line in request.headers.get_all("Path"):  # RFC 3327 §5.3: the proxies want to see it
            response.headers.add("Path", line)
        response.headers.set("Date", http_date(now_ms // 1000))  # many panels have no clock
        return response

    def _contacts(self, user: SipUser, now_ms: int) -> list[str]:
        return [
            f"<{binding.contact}>;expires={max(1, (binding.expires_at_ms - now_ms + 500) // 1000)}"
            for binding in self.table.of(user, now_ms)
        ]


def _wildcard(request: Request, current: dict[str, Binding]) -> list[Wish]:
    """§10.3 step 6: all of them, and only together with Expires: 0."""
    if request.headers.get_all("Expires") != ["0"]:
        raise UriError("Contact: * without Expires: 0")
    return [Wish(b.contact, 0, b.q, b.instance, b.reg_id, b.key) for b in current.values()]


def _path(request: Request) -> tuple[str, ...]:
    """The proxies between the device and us, the nearest to us first (RFC 3327 §5.3). Raises UriError.

    Where a packet goes the flow decides, so a device can name whom it likes here and reaches nobody by it.
    """
    found = tuple(one for line in request.headers.get_all("Path") for one in split_list(line))
    if len(found) > PATH_MAX or sum(map(len, found)) > PATH_CHARS_MAX:
        raise UriError("Path")
    return tuple(str(NameAddr.parse(one)) for one in found)


def _wishes(request: Request, user: SipUser, flow: Flow) -> list[Wish]:
    general = _seconds(request.headers.get("Expires"), DEFAULT_EXPIRES_S)
    return [_wish(contact, user, flow.transport, general) for contact in request.contacts]


@lru_cache(maxsize=WISHES_REMEMBERED_MAX)  # phones say the same thing every few minutes
def _plain_wish(line: str, expires: str | None, user: SipUser, transport: str) -> Wish:
    return _wish(NameAddr.parse(line), user, transport, _seconds(expires, DEFAULT_EXPIRES_S))


def _wish(contact: NameAddr, user: SipUser, transport: str, general_expires_s: int) -> Wish:
    uri = contact.sip
    instance = contact.param("+sip.instance") or ""
    reg_id = contact.param("reg-id") or ""
    return Wish(
        contact=contact.uri,
        expires_s=_seconds(contact.param("expires"), general_expires_s),
        q=_quality(contact.param("q")),
        instance=instance,
        reg_id=int(reg_id) if reg_id.isascii() and reg_id.isdigit() and len(reg_id) < 10 else None,
        key=_key(user, uri, transport, instance, reg_id),
    )


def _key(user: str, uri: SipUri, transport: str, instance: str, reg_id: str) -> str:
    """What makes a contact the same one: its URI (RFC 3261 §19.1.4, without the parameters that phones vary), or the
    instance where the device names one: a phone that restarts on another port must not ring twice."""
    if instance:
        identity = f"{instance}\n{reg_id}\n{transport}"
    else:
        said = (uri.param("transport") or "").lower()
        identity = f"{uri.scheme}\n{uri.user}\n{uri.host}\n{uri.port}\n{said}"
    text = f"{user}\n{identity}".encode("utf-8", "surrogateescape")
    return hashlib.blake2s(text, digest_size=12).hexdigest()


def _out_of_order(sender: Sender, known: Binding | None) -> bool:
    """§10.3 steps 6 and 7."""
    return known is not None and known.call_id == sender.call_id and sender.cseq <= known.cseq


def _seconds(text: str | None, default: int) -> int:
    """An expiry as sent; what is unreadable counts as absent (RFC 3261 §10.2, §20.19)."""
    if text is None or not (text.isascii() and text.isdigit()):
        return default
    return int(text) if len(text) <= 9 else 999_999_999


@lru_cache(maxsize=2)
def http_date(unix_s: int) -> str:
    """The value of a Date header (RFC 3261 §20.17)."""
    return email.utils.formatdate(unix_s, usegmt=True)


def _quality(text: str | None) -> float:
    try:
        return min(1.0, max(0.0, float(text or "1")))
    except ValueError:
        return 1.0
