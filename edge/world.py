"""The present snapshot, and the watch that keeps it present whoever changes the store."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge.accounts import LoginBook, load_logins
from edge.core.snapshot import Snapshot
from edge.store.changes import RevisionWatch
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.secrets import Vault
from edge.store.snapshot import Update, load_snapshot, load_update

POLL_S = 0.2  # a change is in force within a second (contract section 2)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What listeners are told: the world as it was and as it is."""

    before: Snapshot
    after: Snapshot
    accounts_too: bool  # something beside credentials changed: devices, residents, logins


class LiveWorld:
    """Implements `edge.core.ports.World`. Read and swapped in the event loop's thread only."""

    def __init__(self, snapshot: Snapshot, logins: LoginBook) -> None:
        self._snapshot = snapshot
        self.logins = logins
        self.listeners: list[Callable[[Change], None]] = []

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def take(self, update: Update, logins: LoginBook | None) -> None:
        """Put *update* in force, then tell the listeners."""
        before = self._snapshot
        self._snapshot = update.apply(before)
        if logins is not None:
            self.logins = logins
        change = Change(before, self._snapshot, update.whole is not None)
        for listener in self.listeners:
            listener(change)


def load_world(store: Store, vault: Vault) -> LiveWorld:
    """The world as stored now. Blocks; for the start."""
    with store.read() as connection:
        return LiveWorld(load_snapshot(connection), load_logins(connection, vault))


class ChangeWatch:
    """A `Component`: a thread asks the store for its revision, reads what changed, and hands it to the loop."""

    name = "change watch"

    def __init__(self, world: LiveWorld, store: Store, vault: Vault, *, poll_s: float = POLL_S) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self.last_error: StoreError | None = None

    async def start(self) -> None:
        self._stopping.clear()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._watch, loop)

    async def stop(self) -> None:
        self._stopping.set()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        watch = RevisionWatch(self._store)
        try:
            while not self._stopping.wait(self._poll_s):
                self._look(watch, loop)
        finally:
            watch.close()

    def _look(self, watch: RevisionWatch, loop: asyncio.AbstractEventLoop) -> None:
        known = self._world.snapshot.revision
        try:
            if watch.poll() == known:
                return
            with self._store.read() as connection:
                update = load_update(connection, known)
                whole = update is not None and update.whole is not None
                logins = load_logins(connection, self._vault) if whole else None
        except StoreError as error:
            self._report(error)
            return
        self._report(None)
        if update is not None:
            _in_loop(loop, lambda: self._world.take(update, logins))

    def _report(self, error: StoreError | None) -> None:
        """Once when it fails, once when it is well again."""
        if error is not None and self.last_error is None:
            log.error("changes cannot be read, the last known state stays in force: %s", error)
        elif error is None and self.last_error is not None:
            log.warning("changes are read again")
        self.last_error = error


def _in_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    """Run *work* in the loop and wait for it: the next look must see its effect."""
    done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()

    try:
        loop.call_soon_threadsafe(run)
    except RuntimeError:  # the loop is closed: the daemon has ended
        return
    done.wait(timeout=10.0)


def changed_users(before: Snapshot, after: Snapshot) -> Iterable[str]:
    """SIP users that are gone, no longer enabled, or another device's now."""
    enabled_now = {user: owner for user, owner in after.by_sip_user.items() if getattr(owner, "enabled", True)}
    return [user for user, owner in before.by_sip_user.items() if _mac(owner) != _mac(enabled_now.get(user))]


def _mac(owner: object) -> object:
    """What tells one owner of a SIP user from the next: a device's MAC; anything else is its own for good."""
    return None if owner is None else getattr(owner, "mac", "")
