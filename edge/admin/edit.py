"""One change to the store: everything in it is committed together, with its audit row, or nothing is."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Table, insert, select

from edge.core.tags import Tagger
from edge.store import changes, journal
from edge.store.engine import Store
from edge.store.secrets import SiteSecrets, Vault
from edge.store.tables import community, enrolment, store_state, sync_item
from models.community import Community
from models.ids import ApartmentId, CommunityId, DeviceId, ResidentId
from models.log import LogEntry, LogKind
from models.service import FeaturePlan

CENTRAL: Final = "central"
"""The actor of changes that the central store sends; what it owns, only it changes."""


class Refused(Exception):
    """Not allowed, whatever is typed: by the plan, by who owns the thing, by the PIN policy, or not confirmed."""


class NotFound(Exception):
    """There is no such thing."""


class Ambiguous(Exception):
    """What was typed names several things; the message lists them."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Changes to one site's store, made by *actor*. *now_ms* gives Unix milliseconds."""

    store: Store
    secrets: SiteSecrets
    actor: str
    now_ms: Callable[[], int]

    @contextlib.contextmanager
    def edit(self) -> Iterator["Edit"]:
        """One transaction. Raises RuleBroken, Refused, NotFound, Ambiguous or StoreError, and nothing was changed."""
        with self.store.write() as connection:
            edit = Edit.begin(connection, self.secrets, self.actor, self.now_ms())
            yield edit
            edit.finish()


class Scope(Protocol):
    """Where things are looked up: an `Edit` or a `Reading`."""

    @property
    def connection(self) -> Connection: ...

    @property
    def community_id(self) -> CommunityId: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """One consistent state of the store, to list and show things of."""

    connection: Connection
    community: Community

    @property
    def community_id(self) -> CommunityId:
        return self.community.id


@contextlib.contextmanager
def reading(store: Store) -> Iterator[Reading]:
    """Raises StoreEmpty where no community was made yet."""
    with store.read() as connection:
        yield Reading(connection, load_community(connection))


@dataclass(slots=True)
class Edit:
    """The transaction under way, as the functions of `edge.admin` take it."""

    connection: Connection
    community: Community
    vault: Vault
    tagger: Tagger
    actor: str
    now_ms: int
    _changed: dict[tuple[str, str], None] = field(default_factory=dict)
    _audit: list[LogEntry] = field(default_factory=list)

    @classmethod
    def begin(cls, connection: Connection, secrets: SiteSecrets, actor: str, now_ms: int) -> "Edit":
        """Raises StoreEmpty where no community was made, SecretsError where key or pepper are not this database's."""
        owner = load_community(connection, lock=True)
        used = connection.execute(select(store_state.c.key_id, store_state.c.pepper_id)).one()
        secrets.vault.use(used.key_id)
        pepper, *older = secrets.peppers(used.pepper_id)
        return cls(connection, owner, secrets.vault, Tagger(pepper, owner.id, older), actor, now_ms)

    @property
    def community_id(self) -> CommunityId:
        return self.community.id

    @property
    def premium(self) -> bool:
        return self.community.plan is FeaturePlan.PREMIUM

    def note(self, kind: str, identity: str) -> None:
        """Remember that a thing changed: a running daemon reads it within a second of the commit."""
        self._changed[kind, identity] = None

    def audit(
        self,
        action: str,
        *,
        apartment: str | None = None,
        resident: str | None = None,
        device: str | None = None,
        **detail: object,
    ) -> None:
        """One row of who did what, written with the names that hold at the end of the transaction. No secrets."""
        self._audit.append(
            LogEntry(
                kind=LogKind.AUDIT,
                at_ms=self.now_ms,
                device=None if device is None else DeviceId(device),
                apartment=None if apartment is None else ApartmentId(apartment),
                resident=None if resident is None else ResidentId(resident),
                detail={"action": action, "by": self.actor, **detail},
            )
        )

    def audit_now(self, action: str, **detail: Any) -> None:
        """Like `audit`, but written at once: for what is removed, whose name is known only before."""
        self.audit(action, **detail)
        journal.append(self.connection, self._audit.pop(), community=self.community_id)

    def insert(self, table: Table, **values: object) -> None:
        self.connection.execute(insert(table).values(**values))

    def refuse_if_owned(self, kind: str, identity: str) -> None:
        """Raises Refused where the central store owns the thing and somebody else would change it."""
        if self.actor == CENTRAL:
            return
        owned = select(enrolment.c.central_url).where(
            sync_item.c.community_id == self.community_id,
            sync_item.c.kind == kind,
            sync_item.c.id == identity,
            enrolment.c.community_id == sync_item.c.community_id,
        )
        url = self.connection.execute(owned).scalar()
        if url is not None:
            raise Refused(f"this {kind} belongs to the central store {url}: change it there")

    def finish(self) -> None:
        """Note the changes and write the audit rows; called once, at the end."""
        if self._changed:
            changes.note_changes(self.connection, self._changed, community_id=self.community_id)
        for entry in self._audit:
            journal.append(self.connection, entry, community=self.community_id)


def load_community(connection: Connection, *, lock: bool = False) -> Community:
    """The edge's community. Raises StoreEmpty where none was made yet.

    *lock*: on a server, wait for other edits of it and hold them off; SQLite's writers are one at a time anyway.
    """
    identity = changes.the_community(connection)
    wanted = select(community).where(community.c.id == identity)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one()
    return Community(
        identity,
        row.name,
        row.time_zone,
        plan=row.plan,
        permission=row.permission,
        pin_mode=row.pin_mode,
        community_calls=row.community_calls,
        landline_service=row.landline_service,
        home_automation=row.home_automation,
        country=row.country,
    )


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were typed: None means *leave as it is*."""
    return {name: value for name, value in options.items() if value is not None}
