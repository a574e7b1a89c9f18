"""Which credentials a panel may decide on alone, and what it is told of each (domain §12).

A panel judges by what it holds: value, validity, hours. Whatever needs the edge's eye (a use count, an interlock, hard
anti-passback, card and PIN together) keeps a credential off the panel, so that no panel opens what the rules refuse.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final

from edge.core.access import PREMIUM_ONLY, relays_for
from edge.core.device_config import schedule_fields
from edge.core.service import service_objection
from edge.core.snapshot import Snapshot
from models.access import Credential, CredentialKind, Home, Origin, Passback, UnlockMethod
from models.device import Device, Place
from models.ids import ApartmentId, CredentialId, DeviceId
from models.service import AccessPermission, FeaturePlan, PinMode
from models.times import rfc3339

VERSION_CHARS: Final = 16

_METHOD_OF: Final[Mapping[CredentialKind, UnlockMethod]] = {
    CredentialKind.RF_CARD: UnlockMethod.RF_CARD,
    CredentialKind.NFC: UnlockMethod.NFC,
    CredentialKind.FACE: UnlockMethod.FACE,
    CredentialKind.BLUETOOTH: UnlockMethod.BLUETOOTH,
    CredentialKind.QR: UnlockMethod.QR,
}

Fields = Mapping[str, object]


def method_of(kind: CredentialKind, mode: PinMode) -> UnlockMethod:
    """How a credential of *kind* is presented."""
    if kind is CredentialKind.PIN:
        return UnlockMethod.APT_PIN if mode is PinMode.APT_PIN else UnlockMethod.PIN
    return _METHOD_OF[kind]


class PanelRights:
    """Asks one snapshot. *now_ms*: Unix milliseconds."""

    def __init__(self, snapshot: Snapshot, now_ms: int) -> None:
        self._snapshot = snapshot
        self._now_ms = now_ms
        self._doors = tuple(door for door in snapshot.devices.values() if self._decides_alone(door))
        self._serving: dict[ApartmentId, tuple[Device, ...]] = {}

    def doors_of(self, credential: Credential) -> Iterable[DeviceId]:
        """The panels that should hold *credential*."""
        if not self._is_for_panels(credential):
            return ()
        method = method_of(credential.kind, self._snapshot.community.pin_mode)
        return (door.id for door in self._serving_doors(credential.apartment) if self._holds(door, credential, method))

    def _decides_alone(self, door: Device) -> bool:
        area = self._snapshot.areas.get(door.area) if door.area is not None else None
        strict = area is not None and area.passback is Passback.HARD
        return door.enabled and bool(door.relays) and not door.interlock and not strict

    def _is_for_panels(self, credential: Credential) -> bool:
        home = self._snapshot.apartments.get(credential.apartment)
        if credential.home is Home.EDGE or credential.uses_left is not None or home is None:
            return False
        if credential.schedule is not None and credential.schedule not in self._snapshot.schedules:
            return False  # never, says the edge; a panel that is told no hours would say always
        community = self._snapshot.community
        method = method_of(credential.kind, community.pin_mode)
        if community.plan is FeaturePlan.BASIC and method in PREMIUM_ONLY:
            return False
        over = credential.valid_until_ms is not None and credential.valid_until_ms <= self._now_ms
        return not over and service_objection(home.service, method) is None

    def _serving_doors(self, apartment: ApartmentId) -> tuple[Device, ...]:
        if apartment not in self._serving:
            building = self._snapshot.apartments[apartment].building
            self._serving[apartment] = tuple(door for door in self._doors if door.serves(apartment, building))
        return self._serving[apartment]

    def _holds(self, door: Device, credential: Credential, method: UnlockMethod) -> bool:
        if credential.doors and door.id not in credential.doors:
            return False
        public_only = self._snapshot.community.permission is AccessPermission.PUBLIC_ONLY
        if public_only and door.place is Place.APARTMENT and credential.origin is Origin.MANAGER:
            return False
        return any(not relay.two_factor for relay in relays_for(door, method))

    # --- what it is told --------------------------------------------------------------------------------------------

    def entry(self, credential: Credential) -> Fields:
        """What a panel is told of *credential*, one that `doors_of` has doors for, beside its value."""
        snapshot = self._snapshot
        home = snapshot.apartments[credential.apartment]
        hours = None if credential.schedule is None else snapshot.schedules[credential.schedule]
        return {
            "credential": credential.id,
            "kind": credential.kind.value,
            "method": method_of(credential.kind, snapshot.community.pin_mode).value,
            "home": credential.home.value,
            "apartment": home.number,
            "building": snapshot.buildings[home.building].name,
            "from": None if credential.valid_from_ms is None else rfc3339(credential.valid_from_ms),
            "until": None if credential.valid_until_ms is None else rfc3339(credential.valid_until_ms),
            "hours": None if hours is None else schedule_fields(hours),
        }

    def version(self, credential: Credential) -> str:
        """Changes when the entry or the value does. The value is in it as its keyed tag, so it tells nothing of it."""
        told = json.dumps(self.entry(credential), sort_keys=True).encode() + credential.tag
        return hashlib.sha256(told).hexdigest()[:VERSION_CHARS]

    def is_version(self, credential: Credential, version: str) -> bool:
        """Whether *version* is what panels should hold of *credential* now."""
        return self._is_for_panels(credential) and self.version(credential) == version


def digest_of(held: Mapping[CredentialId, str]) -> str:
    """SHA-256 over what a panel holds: a line ``<credential> <version>`` each, sorted, joined by line feeds.

    The panel counts it the same way and tells it in its ack, which is how what was pushed is read back.
    """
    lines = "\n".join(f"{credential} {version}" for credential, version in sorted(held.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
