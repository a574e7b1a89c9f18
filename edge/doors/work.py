"""What the door desk asks of the store: work that is committed whole or not at all."""

import enum
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from edge.core.lockout import LockKey, StoredCounter
from edge.core.passage import Passage, StoredPassage
from models.device_events import Hello
from models.ids import CredentialId, DeviceId, Mac
from models.log import LogEntry


class Heard(enum.Enum):
    """What a device sent under an id; ids of attempts and of events are counted apart."""

    ATTEMPT = "attempt"
    EVENT = "event"


class MessageKey(NamedTuple):
    """A message of a device. It is dealt with once within 24 h, whatever it says the second time."""

    mac: Mac
    heard: Heard
    id: str


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a message: the rows it left and the answer it got (empty for an event)."""

    rows: tuple[LogEntry, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Work:
    """One commit. Times are the edge's clock, Unix milliseconds."""

    at_ms: int
    told: Told = Told()
    key: MessageKey | None = None
    counters: Mapping[LockKey, StoredCounter | None] = field(default_factory=dict)  # None = nothing to remember
    use: CredentialId | None = None  # loses one use
    if_spent: Told | None = None  # told instead where no use was left; None: then the use does not matter
    presence: tuple[DeviceId, bool] | None = None
    hello: tuple[DeviceId, Hello] | None = None
    passed: tuple[Passage, ...] = ()  # who went into an area or out of it; nobody where the use was spent
    contact: tuple[DeviceId, bool] | None = None  # a door reports itself open, or shut
    retag: tuple[CredentialId, bytes] | None = None  # its tag was made with an older pepper; this one is not


@dataclass(frozen=True, slots=True)
class Done:
    """What was committed. *repeated*: the key was there already and nothing was written; *body* is the first one."""

    body: bytes
    spent: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """What the desk must know of the time before it started."""

    counters: Mapping[LockKey, StoredCounter] = field(default_factory=dict)
    answers: Mapping[MessageKey, tuple[int, bytes]] = field(default_factory=dict)  # when, and what was told
    answers_complete: bool = True  # they are all of the last 24 h
    online: frozenset[DeviceId] = frozenset()
    contacts: Mapping[DeviceId, bool | None] = field(default_factory=dict)  # doors that ever told: open? None: offline
    passages: tuple[StoredPassage, ...] = ()


class Ledger(Protocol):
    """The store, as the desk sees it. It fails with `edge.store.errors.StoreError`."""

    def load(self, now_ms: int) -> Past:
        """What was committed before. Reads the database, and notes that no device is online until it says so."""
        ...

    def submit(self, work: Work) -> "Future[Done]":
        """Queue *work*; the future is resolved when it is on disk. Raises where the queue takes no more."""
        ...

    def answered(self, key: MessageKey, now_ms: int) -> bytes | None:
        """What *key* was answered in the 24 h before *now_ms*; None if it is new. Reads the database."""
        ...

    def forget_old(self, now_ms: int) -> "Future[int]":
        """Drop some of the answers that are older than 24 h; how many."""
        ...
