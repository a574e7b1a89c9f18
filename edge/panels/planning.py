"""What each panel should hold, worked out from the present world and noted in the store. Runs in a thread."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.core.panel_rights import PanelRights
from edge.core.snapshot import Snapshot
from edge.store import panels
from edge.store.changes import CREDENTIAL, DOOR_ORDER, Changes, load_changes
from edge.store.engine import Store
from models.ids import CredentialId, DeviceId

MAX_TOLD_APART: Final = 2_000  # changed credentials; more are looked at with everything else

Versions = Mapping[CredentialId, str | None]
"""Versions to hold; None: the credential must go."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What changed at which panel. *revision*: of the world."""

    revision: int
    changes: Mapping[DeviceId, Versions]


def make_plan(store: Store, snapshot: Snapshot, since: int | None, now_ms: int) -> Plan:
    """What is to be noted so that the store says what *snapshot* wants. Raises StoreError.

    *since*: the revision up to which that is so already; None: look at everything.
    """
    with store.read() as connection:
        only = None if since is None else _only(load_changes(connection, since))
        sealed = panels.sealed_for_panels(connection, only)
        wanted = _wanted(snapshot, sealed, now_ms)
        changes = {
            device: changed
            for device in {*wanted, *panels.panels_in_use(connection)}
            if (changed := _changed(wanted.get(device, {}), panels.held(connection, device, only)))
        }
    return Plan(snapshot.revision, {device: each for device, each in changes.items() if device in snapshot.devices})


def _only(changes: Changes) -> list[CredentialId] | None:
    """The credentials that changed, where nothing else did that says who holds what; None: look at everything."""
    kinds = {kind for kind, _ in changes.things}
    if not changes.complete or len(changes.things) > MAX_TOLD_APART or kinds - {CREDENTIAL, DOOR_ORDER}:
        return None
    return [CredentialId(identity) for kind, identity in changes.things if kind == CREDENTIAL]


def _wanted(
    snapshot: Snapshot, candidates: Iterable[CredentialId], now_ms: int
) -> Mapping[DeviceId, dict[CredentialId, str]]:
    rights = PanelRights(snapshot, now_ms)
    wanted: dict[DeviceId, dict[CredentialId, str]] = defaultdict(dict)
    for identity in candidates:
        # One by one: the loop's thread may be patching the map meanwhile, and what changed is planned again.
        credential = snapshot.credentials.get(identity)
        doors = list(rights.doors_of(credential)) if credential is not None else []
        if credential is not None and doors:
            version = rights.version(credential)
            for door in doors:
                wanted[door][identity] = version
    return wanted


def _changed(wanted: Mapping[CredentialId, str], held: Mapping[CredentialId, panels.Held]) -> Versions:
    changed: dict[CredentialId, str | None] = {}
    for identity, version in wanted.items():
        if identity not in held or held[identity].wanted != version:
            changed[identity] = version
    for identity, at in held.items():
        if at.wanted is not None and identity not in wanted:
            changed[identity] = None
    return changed
