"""An attempt and its one answer (decisions 3, 5 and 12)."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from edge.core.access import DoorState, Judgement, decide
from edge.core.answers import ANSWER_LIVES_MS, answer
from edge.core.lockout import LockKey, Lockout, StoredCounter
from edge.core.passage import Passage, Passages, released_for_s
from edge.core.ports import Clock, DevicePlane, World
from edge.core.snapshot import Snapshot
from edge.core.tags import Tagger
from edge.doors import notices, rows
from edge.doors.background import Background, Notices
from edge.doors.commits import Commits
from edge.doors.memory import First, FirstAnswers, Uses
from edge.doors.web_relay import WebRelay
from edge.doors.work import Done, Heard, MessageKey, Told, Work
from edge.store.errors import StoreError
from models.access import AccessDecision, Attempt, Reason
from models.ids import CredentialId
from models.log import LogKind

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Case:
    """An attempt that was judged, and its consequences in memory taken."""

    attempt: Attempt
    snapshot: Snapshot
    judgement: Judgement
    work: Work
    key: MessageKey
    first: First
    heard_s: float  # monotonic seconds


class AttemptDesk:
    """Handles `up/attempt`."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        plane: DevicePlane,
        commits: Commits,
        firsts: FirstAnswers,
        lockout: Lockout,
        passages: Passages,
        tagger: Tagger,
        background: Background,
        notices: Notices,
        web_relay: WebRelay | None,
    ) -> None:
        self._world = world
        self._clock = clock
        self._plane = plane
        self._commits = commits
        self._firsts = firsts
        self._lockout = lockout
        self._passages = passages
        self._uses = Uses()
        self._tagger = tagger
        self._background = background
        self._notices = notices
        self._web_relay = web_relay

    async def attempt(self, attempt: Attempt) -> None:
        """Answer *attempt*. Returns when it is answered, or when that is left to a store that is slow.

        Raises StoreError where it cannot be answered at all: then the device may ask again, and is judged anew.
        """
        key = MessageKey(attempt.device, Heard.ATTEMPT, attempt.id)
        first = self._firsts.find(key, self._clock.now_ms())
        if first is None:
            await self._first_time(attempt, key)
        elif first.body is not None:
            await self._plane.decision(attempt.device, first.body)

    async def _first_time(self, attempt: Attempt, key: MessageKey) -> None:
        # No await from here until the case is made: two readers never judge by the same counters and uses.
        case = self._judge(attempt, key)
        self._firsts.add(key, case.first)
        if case.judgement.consumes is not None:
            await self._answer_counted(case, case.judgement.consumes)
            return
        done = await self._commits.in_time(case.work)
        await self._tell(case, done)

    async def _answer_counted(self, case: _Case, credential: CredentialId) -> None:
        """A credential with a use count is answered only when the store has taken the use (decision 5)."""
        try:
            begun = self._commits.begin(case.work)
            if not await self._commits.settled(begun):
                self._background.spawn("a late answer", self._answer_when_committed(case, credential, begun))
                return
            done = begun.result()
        except StoreError:
            self._take_back(case, credential)
            raise
        await self._tell(case, done)

    async def _answer_when_committed(
        self, case: _Case, credential: CredentialId, begun: "asyncio.Future[Done]"
    ) -> None:
        try:
            done = await asyncio.shield(begun)
        except StoreError as error:
            self._take_back(case, credential)
            _log.error("attempt %s of %s is not answered: %s", case.attempt.id, case.attempt.device, error)
            return
        waited_ms = 1_000 * (self._clock.monotonic() - case.heard_s)
        await self._tell(case, done, send=waited_ms < ANSWER_LIVES_MS)

    async def _tell(self, case: _Case, done: Done | None, *, send: bool = True) -> None:
        """*done* None: the store is late, what was decided is told all the same."""
        body = done.body if done is not None else case.work.told.body
        case.first.body = body
        if case.judgement.consumes is not None and done is not None and not (done.spent or done.repeated):
            self._take_effect(case.judgement, case.heard_s)
        if send:
            await self._plane.decision(case.attempt.device, body)
        device = case.judgement.device
        if device is None or (done is not None and done.repeated):
            return
        decision = case.judgement.decision
        if done is not None and done.spent:
            decision = _spent(decision)
        if send and self._web_relay is not None:
            self._web_relay.trigger(decision, device, case.attempt.id)
        now_ms = self._clock.now_ms()
        self._notices.add(notices.access_notice(case.snapshot, device, case.attempt.method, decision, now_ms))
        for row in case.work.told.rows:
            if row.kind is LogKind.ALARM and row.detail["type"] != rows.DURESS:  # which is for operators only
                self._notices.add(notices.alarm_notice(str(row.detail["type"]), device, now_ms))

    def _judge(self, attempt: Attempt, key: MessageKey) -> _Case:
        snapshot, now_ms, now_s = self._world.snapshot, self._clock.now_ms(), self._clock.monotonic()
        state = DoorState(self._lockout, now_s, partial(self._uses.left, now_s=now_s), self._passages)
        judgement = decide(attempt, snapshot, state, now_ms, self._tagger)
        counters = self._counters(judgement, now_s, now_ms)
        device = judgement.device
        passed = self._passages.known_at_once(device.id, judgement.goes) if device is not None else ()
        if judgement.consumes is not None:
            self._uses.take(snapshot.credentials[judgement.consumes], now_s)
        else:
            self._take_effect(judgement, now_s)
        if device is not None and judgement.decision.granted:
            # At once: the door beside it must not open in the same moment, whatever the store says of the use.
            self._passages.released(device.id, released_for_s(device, judgement.decision), now_s)
        lock_s = max((self._lockout.remaining_s(wrong, now_s) for wrong in judgement.wrong), default=0.0)
        work = _work(attempt, judgement, key, counters, passed, round(lock_s), now_ms)
        work = replace(work, retag=self._renewed_tag(attempt, judgement, snapshot))
        return _Case(attempt, snapshot, judgement, work, key, First(now_ms), now_s)

    def _renewed_tag(
        self, attempt: Attempt, judgement: Judgement, snapshot: Snapshot
    ) -> tuple[CredentialId, bytes] | None:
        """Whoever is let in with a tag of an older pepper gets one of the present: the value is known just now."""
        decision = judgement.decision
        credential = snapshot.credentials.get(decision.credential) if decision.credential is not None else None
        if credential is None or not decision.granted:
            return None
        tag = self._tagger.renewed(credential.kind, attempt.value, credential.tag)
        return None if tag is None else (credential.id, tag)

    def _counters(self, judgement: Judgement, now_s: float, now_ms: int) -> Mapping[LockKey, StoredCounter | None]:
        """Count what was wrong; the counters that change, as the store keeps them."""
        changed: dict[LockKey, StoredCounter | None] = {
            key: self._lockout.wrong(key, now_s).stored(now_s, now_ms) for key in judgement.wrong
        }
        if judgement.right is not None and self._lockout.get(judgement.right) is not None:
            changed[judgement.right] = None
        return changed

    def _take_effect(self, judgement: Judgement, now_s: float) -> None:
        """What a judgement changes in memory. A credential with a use count changes it when the use is taken: one that
        turns out to be spent is no right code, and lets nobody in.
        """
        if judgement.right is not None:
            self._lockout.right(judgement.right)
        device = judgement.device
        if device is None:
            return
        if judgement.goes is not None:
            self._passages.goes(device.id, judgement.goes, now_s)
        if judgement.factor is not None or judgement.decision.granted:
            self._passages.shown(device.id, judgement.factor, now_s)

    def _take_back(self, case: _Case, credential: CredentialId) -> None:
        self._uses.give_back(credential)
        self._firsts.forget(case.key)


def _work(
    attempt: Attempt,
    judgement: Judgement,
    key: MessageKey,
    counters: Mapping[LockKey, StoredCounter | None],
    passed: tuple[Passage, ...],
    lock_s: int,
    now_ms: int,
) -> Work:
    spent = None
    if judgement.consumes is not None:
        spent = replace(judgement, decision=_spent(judgement.decision), goes=None, passback=False)
    return Work(
        now_ms,
        _told(attempt, judgement, now_ms, lock_s),
        key,
        counters,
        use=judgement.consumes,
        if_spent=_told(attempt, spent, now_ms) if spent is not None else None,
        passed=passed,
    )


def _told(attempt: Attempt, judgement: Judgement, now_ms: int, lock_s: int = 0) -> Told:
    """The rows and the answer. *lock_s*: how long the lock lasts that this try began; 0 where it began none."""
    decision = judgement.decision
    device = judgement.device.id if judgement.device else None
    alarms: list[tuple[str, dict[str, object]]] = []
    if decision.duress:  # silent: the answer is that of any grant (decision 13)
        alarms.append((rows.DURESS, {}))
    if judgement.passback:
        alarms.append((rows.PASSBACK, {}))
    if lock_s:
        alarms.append((rows.LOCKOUT, {"seconds": lock_s}))
    told = [rows.alarm_row(alarm, now_ms, attempt.id, device, decision, **more) for alarm, more in alarms]
    return Told((rows.attempt_row(attempt, judgement, now_ms), *told), answer(decision, attempt))


def _spent(decision: AccessDecision) -> AccessDecision:
    """The denial where another reader took the last use."""
    return AccessDecision(
        Reason.USES_SPENT,
        credential=decision.credential,
        apartment=decision.apartment,
        resident=decision.resident,
        duress=decision.duress,
        hint=decision.hint,
    )
