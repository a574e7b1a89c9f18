"""The door desk's work in the store: one job, one savepoint, one commit."""

from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Final

from sqlalchemy import Connection

from edge.core.access import DoorState
from edge.core.lockout import Lockout
from edge.core.passage import Passages
from edge.doors.memory import MAX_REMEMBERED
from edge.doors.work import Done, Heard, MessageKey, Past, Work
from edge.store import access, attempts, devices, journal, keys, lockouts, passages
from edge.store.engine import Store
from edge.store.writer import Writer
from models.ids import CommunityId, DeviceId

_ERASED_AT_ONCE: Final = 500


class StoreLedger:
    """Implements `edge.doors.work.Ledger` by the store and its writer."""

    def __init__(self, store: Store, writer: Writer, community: CommunityId) -> None:
        self._store = store
        self._writer = writer
        self._community = community

    def load(self, now_ms: int) -> Past:
        with self._store.read() as connection:
            recent = attempts.recent(connection, now_ms, limit=MAX_REMEMBERED + 1)
            states = devices.states(connection)
            counters = lockouts.load(connection)
            went = passages.load_passages(connection)
        # Not waited for: a daemon on a full disk must start, and the writer says itself that it cannot.
        self._writer.submit(devices.all_offline)
        known = {MessageKey(mac, Heard(kind), identity): (at_ms, body) for mac, kind, identity, at_ms, body in recent}
        online = frozenset(door for door, state in states.items() if state.online)
        return Past(counters, known, len(recent) <= MAX_REMEMBERED, online, _contacts(states), went)

    def submit(self, work: Work) -> "Future[Done]":
        return self._writer.submit(partial(_commit, work=work, community=self._community))

    def answered(self, key: MessageKey, now_ms: int) -> bytes | None:
        with self._store.read() as connection:
            return _answered(connection, key, now_ms)

    def forget_old(self, now_ms: int) -> "Future[int]":
        return self._writer.submit(partial(attempts.erase_old, now_ms=now_ms, max_rows=_ERASED_AT_ONCE))


def stored_state(connection: Connection, now_s: float, now_ms: int) -> DoorState:
    """The state of doors as committed, for `edge door explain` beside a running daemon."""
    lockout = Lockout()
    for key, stored in lockouts.load(connection).items():
        lockout.restore(key, stored, now_s, now_ms)
    known = Passages()
    known.restore(_contacts(devices.states(connection)), passages.load_passages(connection), now_s, now_ms)
    return DoorState(lockout, now_s, passages=known)


def _contacts(states: Mapping[DeviceId, devices.DeviceState]) -> dict[DeviceId, bool | None]:
    """Whether a door stands open is known while its device is there to tell."""
    told = {door: state for door, state in states.items() if state.door_open is not None}
    return {door: state.door_open if state.online else None for door, state in told.items()}


def _answered(connection: Connection, key: MessageKey, now_ms: int) -> bytes | None:
    if key.heard is Heard.ATTEMPT:
        return attempts.answered(connection, key.mac, key.id, now_ms)
    return b"" if attempts.event_seen(connection, key.mac, key.id, now_ms) else None


def _commit(connection: Connection, work: Work, community: CommunityId) -> Done:
    """The row, the answer and the use are kept together or not at all (decision 5)."""
    key, told, spent = work.key, work.told, False
    # Kept first where nothing else decides the answer: whether it was there already then costs no question.
    if key is not None and (work.use is not None or not _keep(connection, key, told.body, work.at_ms, community)):
        first = _answered(connection, key, work.at_ms)
        if first is not None:
            return Done(first, repeated=True)
    if work.use is not None:
        if not access.consume_use(connection, work.use) and work.if_spent is not None:
            told, spent = work.if_spent, True
        if key is not None:
            _keep(connection, key, told.body, work.at_ms, community)
    for row in told.rows:
        journal.append(connection, row, community=community)
    if not spent:  # then it was no right code, and nobody went in
        for whose, counter in work.counters.items():
            lockouts.save(connection, whose, counter)
        for passage in work.passed:
            passages.save_passage(connection, passage, work.at_ms)
        if work.retag is not None:
            keys.retag(connection, *work.retag)
    _note(connection, work)
    return Done(told.body, spent=spent)


def _keep(connection: Connection, key: MessageKey, body: bytes, at_ms: int, community: CommunityId) -> bool:
    """False where *key* was dealt with already; then nothing is changed."""
    if key.heard is Heard.ATTEMPT:
        return attempts.save_answer(connection, key.mac, key.id, body, at_ms, community=community)
    return attempts.save_event(connection, key.mac, key.id, at_ms, community=community)


def _note(connection: Connection, work: Work) -> None:
    if work.presence is not None:
        device, online = work.presence
        devices.save_presence(connection, device, online=online, now_ms=work.at_ms)
    if work.contact is not None:
        devices.save_contact(connection, *work.contact)
    if work.hello is not None:
        device, hello = work.hello
        devices.save_hello(
            connection,
            device,
            model=hello.model,
            firmware=hello.firmware,
            ip=hello.ip,
            relays=hello.relays,
            now_ms=work.at_ms,
        )
