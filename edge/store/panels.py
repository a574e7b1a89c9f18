"""What devices should know and what panels should hold, and what each said of it. Bumps no revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, func, literal_column, or_, select, text, update

from edge.store.changes import the_community
from edge.store.tables import credential, device_state, panel_credential
from models.ids import CredentialId, DeviceId

_WANT_CONFIG: Final = text(
    "INSERT INTO device_state (device_id, revision_wanted, config_digest, config_since_ms, online, model, firmware, ip,"
    " clock_offset_ms, digest_fallback) SELECT id, :revision, :digest, :now_ms, FALSE, '', '', '', 0, FALSE"
    " FROM device WHERE id = :device ON CONFLICT (device_id) DO UPDATE SET revision_wanted = excluded.revision_wanted,"
    " config_digest = excluded.config_digest,"
    " config_since_ms = COALESCE(device_state.config_since_ms, excluded.config_since_ms)"
)
_CONFIRM_CONFIG: Final = text(
    "UPDATE device_state SET revision_confirmed = :revision, revision_confirmed_at_ms = :now_ms,"
    " config_since_ms = CASE WHEN revision_wanted = :revision THEN NULL ELSE config_since_ms END"
    " WHERE device_id = :device"
)


@dataclass(frozen=True, slots=True)
class ConfigState:
    """One device's configuration: the revision it should have, and the one it said it has."""

    wanted: int
    digest: str
    confirmed: int | None = None


def configs(connection: Connection) -> dict[DeviceId, ConfigState]:
    """Of every device that was ever given one."""
    c = device_state.c
    rows = connection.execute(
        select(c.device_id, c.revision_wanted, c.config_digest, c.revision_confirmed).where(
            c.revision_wanted.is_not(None)
        )
    )
    return {DeviceId(row[0]): ConfigState(row[1], row[2], row[3]) for row in rows}


def want_configs(connection: Connection, wanted: Mapping[DeviceId, ConfigState], now_ms: int) -> None:
    """The configurations of these devices changed; one that was behind stays behind since it began to be."""
    rows = [
        {"device": device, "revision": state.wanted, "digest": state.digest, "now_ms": now_ms}
        for device, state in wanted.items()
    ]
    if rows:
        connection.execute(_WANT_CONFIG, rows)


def confirm_config(connection: Connection, device: DeviceId, revision: int, now_ms: int) -> None:
    """The device said that it has this revision."""
    connection.execute(_CONFIRM_CONFIG, {"device": device, "revision": revision, "now_ms": now_ms})


# --- credentials at panels ------------------------------------------------------------------------------------------

_BEHIND: Final = text(
    "UPDATE device_state SET panel_wanted = :revision, panel_since_ms = COALESCE(panel_since_ms, :now_ms)"
    " WHERE device_id = :device"
)
_STATE: Final = text(
    "INSERT INTO device_state (device_id, online, model, firmware, ip, clock_offset_ms, digest_fallback, config_digest)"
    " SELECT id, FALSE, '', '', '', 0, FALSE, '' FROM device WHERE id = :device ON CONFLICT (device_id) DO NOTHING"
)
_WANT: Final = text(
    "INSERT INTO panel_credential (device_id, credential_id, wanted)"
    " SELECT id, :credential, :version FROM device WHERE id = :device"
    " ON CONFLICT (device_id, credential_id) DO UPDATE SET wanted = excluded.wanted"
)
_GONE: Final = text(
    "DELETE FROM panel_credential WHERE device_id = :device AND credential_id = :credential AND wanted IS NULL"
)
_GONE_AND_BACK: Final = text(
    "UPDATE panel_credential SET confirmed = NULL WHERE device_id = :device AND credential_id = :credential"
)
_HELD: Final = text(
    "UPDATE panel_credential SET confirmed = :version WHERE device_id = :device AND credential_id = :credential"
)
_UP_TO_DATE: Final = text(
    "UPDATE device_state SET panel_confirmed = panel_wanted, panel_since_ms = NULL"
    " WHERE device_id = :device AND panel_wanted IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM panel_credential p WHERE p.device_id = :device"
    " AND (wanted IS NULL OR confirmed IS NULL OR confirmed <> wanted))"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A credential at one panel. *wanted* None: it must go; *confirmed* None: the panel never said that it has it."""

    wanted: str | None
    confirmed: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """What one panel has to be told next: first what must go, and only then what is new (domain §12)."""

    remove: tuple[CredentialId, ...] = ()
    put: Mapping[CredentialId, str] = field(default_factory=dict)  # versions


def sealed_for_panels(connection: Connection, only: Sequence[CredentialId] | None = None) -> dict[CredentialId, bytes]:
    """Sealed values of credentials that live at panels; of *only* these, where given."""
    c = credential.c
    wanted = select(c.id, c.sealed).where(
        c.community_id == the_community(connection), literal_column("home <> 'edge'"), c.sealed.is_not(None)
    )
    if only is not None:
        wanted = wanted.where(c.id.in_(only))
    return {CredentialId(row.id): bytes(row.sealed) for row in connection.execute(wanted)}


def held(
    connection: Connection, device: DeviceId, only: Sequence[CredentialId] | None = None
) -> dict[CredentialId, Held]:
    """Everything that *device* holds, should hold, or should hold no longer; of *only* these, where given."""
    p = panel_credential.c
    wanted = select(p.credential_id, p.wanted, p.confirmed).where(p.device_id == device)
    if only is not None:
        wanted = wanted.where(p.credential_id.in_(only))
    return {CredentialId(row[0]): Held(row[1], row[2]) for row in connection.execute(wanted)}


def want_credentials(
    connection: Connection,
    device: DeviceId,
    wanted: Mapping[CredentialId, str | None],
    *,
    revision: int,
    now_ms: int,
) -> None:
    """*device* should hold these versions from *revision* on; None: it must forget that credential."""
    rows = [{"device": device, "credential": i, "version": version} for i, version in wanted.items()]
    if rows:
        connection.execute(_STATE, {"device": device})
        connection.execute(_WANT, rows)
        connection.execute(_BEHIND, {"device": device, "revision": revision, "now_ms": now_ms})


def pending(connection: Connection, device: DeviceId, *, most: int) -> Pending:
    """What *device* has to be told next, at most *most* credentials."""
    p = panel_credential.c
    mine = select(p.credential_id, p.wanted).where(p.device_id == device).order_by(p.credential_id).limit(most)
    gone = connection.execute(mine.where(p.wanted.is_(None))).all()
    if gone:
        return Pending(remove=tuple(CredentialId(row[0]) for row in gone))
    new = connection.execute(mine.where(or_(p.confirmed.is_(None), p.confirmed != p.wanted)))
    return Pending(put={CredentialId(row[0]): row[1] for row in new})


def confirm(connection: Connection, device: DeviceId, told: Pending) -> None:
    """*device* did what it was told. What is wanted again meanwhile is told again."""
    if told.remove:
        removed = [{"device": device, "credential": i} for i in told.remove]
        connection.execute(_GONE, removed)
        connection.execute(_GONE_AND_BACK, removed)
    if told.put:
        connection.execute(_HELD, [{"device": device, "credential": i, "version": v} for i, v in told.put.items()])
    connection.execute(_UP_TO_DATE, {"device": device})


def forget_confirmed(connection: Connection, device: DeviceId, now_ms: int) -> None:
    """*device* does not hold what it said it holds (it was reset, or exchanged): everything is told again."""
    p = panel_credential
    connection.execute(update(p).where(p.c.device_id == device).values(confirmed=None))
    connection.execute(
        text(
            "UPDATE device_state SET panel_since_ms = COALESCE(panel_since_ms, :now_ms)"
            " WHERE device_id = :device AND panel_wanted IS NOT NULL"
        ),
        {"device": device, "now_ms": now_ms},
    )


def panels_in_use(connection: Connection) -> frozenset[DeviceId]:
    """Devices that hold credentials, or should."""
    return frozenset(DeviceId(i) for i in connection.execute(select(panel_credential.c.device_id).distinct()).scalars())


def open_counts(connection: Connection) -> dict[DeviceId, tuple[int, int]]:
    """Of each panel that is behind: credentials that must go, and that must come."""
    p = panel_credential.c
    rows = connection.execute(
        select(p.device_id, func.count().filter(p.wanted.is_(None)), func.count().filter(p.wanted.is_not(None)))
        .where(or_(p.wanted.is_(None), p.confirmed.is_(None), p.confirmed != p.wanted))
        .group_by(p.device_id)
    )
    return {DeviceId(row[0]): (row[1], row[2]) for row in rows}
