"""Putting answers of the central store in force: each in one transaction, or not at all.

What is long happens before the transaction, on a reader's connection: bodies are checked, values tagged, the plan made.
Everything here blocks; the event loop has it done in a thread.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from edge.admin.edit import CENTRAL, Edit, load_community
from edge.cloud import enrolment, staging
from edge.cloud import plan as planning
from edge.cloud.enrolment import Enrolled
from edge.cloud.local import Local
from edge.cloud.plan import GUARD, Guarded, Plan
from edge.cloud.things import Rules, Thing, read
from edge.cloud.wire import Answer, Broken, Item, Poisoned, verify
from edge.cloud.writing import carry_out, write_down
from edge.core.tags import Tagger
from edge.store import journal
from edge.store.changes import current_revision, the_community
from edge.store.collector import paused_collector
from edge.store.engine import Store
from edge.store.secrets import SiteSecrets
from edge.store.tables import store_state, sync_item
from edge.store.writer import Job
from models.log import LogEntry, LogKind

T = TypeVar("T")
NACK: Final = "sync_nack"
MAX_TRIES: Final = 3
_NAMED: Final = 20  # things of which an audit row tells


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer was not put in force, as the central store is told."""

    item: str | None
    kind: str
    reason: str
    detail: str

    def __str__(self) -> str:
        where = f"{self.kind} {self.item}: ".lstrip() if self.item else ""
        return f"{where}{self.reason}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer. *fault* None: it is in force, or, with *more*, kept until its last page is here."""

    epoch: str
    applied: int
    fault: Fault | None = None
    more: bool = False
    changes: int = 0  # things that are otherwise than before


class _Stale(Exception):
    """Somebody else moved the cursor meanwhile."""


class Applier:
    """Takes answers one after the other; not to be used by two threads at a time."""

    def __init__(
        self, store: Store, secrets: SiteSecrets, commit: Callable[[Job[Any]], Any], now_ms: Callable[[], int]
    ) -> None:
        """*commit* runs a job in a transaction and returns its result; it blocks until that is on disk."""
        self._store = store
        self._secrets = secrets
        self._commit = commit
        self._now_ms = now_ms
        self._pages = staging.Pages()
        self._paged_rules: Rules | None = None

    @property
    def store(self) -> Store:
        return self._store

    def enrolled(self) -> Enrolled | None:
        with self._store.read() as connection:
            return enrolment.load(connection, self._secrets.vault)

    def take(self, me: Enrolled, answer: Answer, *, pushed: bool = False) -> Outcome:
        """Put *answer* in force for *me*, or say why not. Raises Broken where it is not what must come now, StoreError.

        *pushed*: it came by itself, so a snapshot may come at any time, as long as it is not older than what is here.
        """
        verify(answer, me.central_key)
        if pushed:
            self.forget_pages()
            if answer.next is not None:
                raise Broken("what is pushed comes whole")
        self._must_fit(me, answer, pushed)
        try:
            with paused_collector():
                return self._take(me, answer)
        except (Poisoned, Guarded) as error:
            self.forget_pages()
            return self._refuse(me, answer, error)
        except _Stale:
            raise Broken("the cursor was moved meanwhile") from None

    def _must_fit(self, me: Enrolled, answer: Answer, pushed: bool) -> None:
        same_epoch = answer.epoch == me.epoch
        if answer.is_snapshot:
            if pushed and (not same_epoch or answer.to >= me.cursor):
                return
            if me.cursor != 0:
                raise Broken("a snapshot came that was not asked for")
            if not self._pages.fits(answer):
                raise Broken("a page came that belongs to another snapshot")
            return
        if me.cursor == 0 and self._owns_something():
            raise Broken("a delta came where a snapshot is needed")
        if not same_epoch and (me.epoch or me.cursor):
            raise Broken("the answer is of another epoch")
        if answer.since != me.cursor:
            raise Broken(f"the answer begins at {answer.since}, and this edge is at {me.cursor}")

    def _owns_something(self) -> bool:
        with self._store.read() as connection:
            return connection.execute(select(sync_item.c.id).limit(1)).first() is not None

    def _take(self, me: Enrolled, answer: Answer) -> Outcome:
        if answer.fault is not None:
            raise answer.fault
        rules = self.rules() if self._paged_rules is None else self._paged_rules
        things, tombstones, rules = read_all(answer.items, rules)
        if answer.is_snapshot and (answer.next is not None or self._pages.begun):
            self._stage(answer, things)
            if answer.next is not None:
                self._paged_rules = rules
                return Outcome(me.epoch, me.cursor, more=True)
            things = self._staged()
        confirmed = answer.confirm or self._pages.confirmed
        pepper = self._pepper()
        outcome = self._in_force(me, answer, things, tombstones, confirmed, pepper)
        if self._pages.begun:
            self.forget_pages()
            self._clear_staging()
        return outcome

    def _in_force(
        self, me: Enrolled, answer: Answer, things: list[Thing], tombstones: list[Item], confirmed: bool, pepper: str
    ) -> Outcome:
        whole = answer.is_snapshot
        with self._store.read() as connection:
            revision = current_revision(connection)
            local = Local(connection, the_community(connection), whole=whole)
            plan = planning.make(local, things, [] if whole else tombstones, confirmed=confirmed)

        def job(connection: Connection) -> Plan:
            edit = self._edit(connection, me)
            made = plan
            if current_revision(connection) != revision:
                now = Local(connection, edit.community_id, whole=whole)
                made = planning.make(now, things, [] if whole else tombstones, confirmed=confirmed)
            if _pepper_id(connection) != pepper:
                raise _Stale
            self._write(edit, made, f"{answer.mode} {answer.since}-{answer.to}")
            values = {"epoch": answer.epoch, "cursor": answer.to, "last_ok_ms": edit.now_ms, "last_error": ""}
            enrolment.move(connection, me.edge_id, **values)
            return made

        try:
            done: Plan = self._commit(job)
        except IntegrityError as error:
            raise Poisoned(None, "rule", _constraint(error)) from error
        return Outcome(answer.epoch, answer.to, changes=_count(done))

    def _write(self, edit: Edit, plan: Plan, what: str) -> None:
        if not plan.empty:
            carry_out(edit, plan)
            edit.audit("sync.apply", answer=what, **_told(plan))
        write_down(edit.connection, edit.community_id, plan)
        edit.finish()

    def _edit(self, connection: Connection, me: Enrolled) -> Edit:
        """Raises _Stale where the place of *me* is not what it was when the answer was asked for."""
        edit = Edit.begin(connection, self._secrets, CENTRAL, self._now_ms())
        now = enrolment.load(connection, self._secrets.vault)
        if now is None or (now.edge_id, now.epoch, now.cursor) != (me.edge_id, me.epoch, me.cursor):
            raise _Stale
        return edit

    # --- refusals ----------------------------------------------------------------------------------------------------

    def _refuse(self, me: Enrolled, answer: Answer, error: Poisoned | Guarded) -> Outcome:
        """Say why, raise an alarm once, and, of a poisoned answer, put in force what only closes (decision 54)."""
        if isinstance(error, Poisoned):
            try:
                return self._refused(me, answer, _fault(error), _closing(answer.items))
            except Guarded as guarded:
                error = guarded
        return self._refused(me, answer, Fault(None, "", GUARD, str(error)), [])

    def _refused(self, me: Enrolled, answer: Answer, fault: Fault, closing: list[Item]) -> Outcome:
        def job(connection: Connection) -> int:
            edit = self._edit(connection, me)
            local = Local(connection, edit.community_id, whole=False)
            plan = planning.make(local, [], closing, confirmed=answer.confirm)
            self._write(edit, plan, f"what closes of {answer.mode} {answer.since}-{answer.to}")
            if me.last_error != str(fault)[: enrolment.MAX_ERROR_CHARS]:
                detail = {"type": NACK, "item": fault.item, "reason": fault.reason, "detail": fault.detail}
                journal.append(connection, LogEntry(LogKind.ALARM, edit.now_ms, detail=detail))
            enrolment.move(connection, me.edge_id, last_error=str(fault))
            return _count(plan)

        changes = self._commit(job)
        return Outcome(me.epoch, me.cursor, fault, changes=changes)

    # --- pages -------------------------------------------------------------------------------------------------------

    def _stage(self, answer: Answer, things: Sequence[Thing]) -> None:
        if not self._pages.begun:
            self._clear_staging()
            self._pages = staging.Pages.of(answer)
        for batch in staging.batches(things):
            self._commit(partial(staging.add, pages=self._pages, things=batch))
        self._pages.add(answer, len(things))

    def _staged(self) -> list[Thing]:
        with self._store.read() as connection:
            things = staging.load(connection, self._pages)
        if len(things) != self._pages.rows:
            raise Broken("pages of the snapshot are gone")
        return things

    def forget_pages(self) -> None:
        """Begin the next snapshot from its first page. Touches no store."""
        self._pages = staging.Pages()
        self._paged_rules = None

    def _clear_staging(self) -> None:
        while self._commit(staging.clear):
            pass

    # --- what bodies are read by -------------------------------------------------------------------------------------

    def rules(self) -> Rules:
        """As they are now."""
        with self._store.read() as connection:
            owner = load_community(connection)
            state = connection.execute(select(store_state.c.key_id, store_state.c.pepper_id)).one()
        self._secrets.vault.use(state.key_id)
        pepper, *older = self._secrets.peppers(state.pepper_id)
        return Rules(owner, Tagger(pepper, owner.id, older), self._secrets.vault)

    def _pepper(self) -> str:
        with self._store.read() as connection:
            return _pepper_id(connection)


def _pepper_id(connection: Connection) -> str:
    return str(connection.execute(select(store_state.c.pepper_id)).scalar_one())


def read_all(items: Iterable[Item], rules: Rules) -> tuple[list[Thing], list[Item], Rules]:
    """Things, tombstones, and the rules as the community's own item has them. Raises Poisoned."""
    things: list[Thing] = []
    tombstones: list[Item] = []
    ordered = sorted(items, key=lambda item: item.kind != "community")
    for item in ordered:
        if item.body is None:
            tombstones.append(item)
            continue
        thing = read(item, rules)
        if thing.kind == "community":
            rules = rules.of(thing)
        things.append(thing)
    return things, tombstones, rules


def _closing(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.kind == "credential" and item.body is None]


def _fault(error: Poisoned) -> Fault:
    return Fault(error.item, error.kind, error.reason, error.detail)


def _constraint(error: IntegrityError) -> str:
    """Which rule of the schema was broken, without the values that broke it."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return str(name or error.orig)


def _count(plan: Plan) -> int:
    return sum(len(things) for of in (plan.new, plan.changed) for things in of.values()) + sum(
        len(keys) for keys in plan.gone.values()
    )


def _told(plan: Plan) -> dict[str, Any]:
    """For the audit row: how many of each kind, and the first that went."""
    told: dict[str, Any] = {
        word: {kind: len(things) for kind, things in of.items() if things}
        for word, of in (("new", plan.new), ("changed", plan.changed), ("gone", plan.gone))
    }
    gone = sorted(f"{kind} {key}" for kind, keys in plan.gone.items() for key in keys)
    return told | {"removed": gone[:_NAMED]}
