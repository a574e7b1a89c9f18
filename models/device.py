"""Devices and their relays as the rules see them."""

import enum
from dataclasses import dataclass, field

from models.access import UnlockMethod
from models.ids import ApartmentId, AreaId, BuildingId, DeviceId, Mac, ScheduleId, SipUser


class DeviceType(enum.IntEnum):
    """Type codes of the installer guide."""

    DOOR_PHONE = 0  # multi-tenant
    DOOR_PHONE_SINGLE = 1
    INDOOR_MONITOR = 2
    GUARD_PHONE = 3
    ACCESS_CONTROL = 50

    @property
    def is_door(self) -> bool:
        return self in (DeviceType.DOOR_PHONE, DeviceType.DOOR_PHONE_SINGLE, DeviceType.ACCESS_CONTROL)


class Place(enum.Enum):
    PUBLIC = "public"
    BUILDING = "building"  # a public device that serves that one building
    APARTMENT = "apartment"


class AreaSide(enum.Enum):
    """Which way through a reader of an area goes."""

    ENTRY = "entry"
    EXIT = "exit"


class DigestOffer(enum.Enum):
    """Which digest challenges a device is offered (decision 34)."""

    BOTH = "both"
    SHA256 = "sha256"
    MD5 = "md5"


class ContactDisplay(enum.Enum):
    """What a door phone's directory shows."""

    APARTMENTS = "apartments"
    MONITORS_AND_APPS = "monitors_and_apps"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Relay:
    """A door's numbered output. Security relays have numbers of their own."""

    number: int  # 1-4
    security: bool = False
    name: str = ""
    enabled: bool = True
    methods: frozenset[UnlockMethod] = frozenset()
    hold_s: int = 5  # 1-60
    dtmf: str = ""  # "" = cannot be opened by DTMF
    schedule: ScheduleId | None = None  # when its methods open it; None = always
    two_factor: bool = False  # a credential alone does not open it: card and PIN, one after the other
    trigger_s: int = 0  # 0-10: the panel waits so long before it moves the relay

    @property
    def label(self) -> str:
        """``1`` or, for a security relay, ``s1``: the keys of a decision's ``holds``."""
        return f"s{self.number}" if self.security else str(self.number)


@dataclass(frozen=True, slots=True)
class Device:
    id: DeviceId
    mac: Mac
    name: str
    type: DeviceType
    sip_user: SipUser
    enabled: bool = True
    place: Place = Place.PUBLIC
    buildings: frozenset[BuildingId] | None = None  # None = all, later ones included
    apartment: ApartmentId | None = None  # of a private device
    network_group: str = ""
    has_internet: bool = True
    works_offline: bool = False
    static_address: str = ""
    fire_group: str = ""
    digest: DigestOffer = DigestOffer.BOTH
    relays: tuple[Relay, ...] = field(default=())
    schedule: ScheduleId | None = None  # when this door opens at all; None = always
    open_schedule: ScheduleId | None = None  # when the panel itself holds the door open; None = never
    interlock: str = ""  # doors of one name never stand open together
    area: AreaId | None = None  # the area that this reader leads into, or out of
    area_side: AreaSide | None = None  # which; None exactly where there is no area
    contact_display: ContactDisplay = ContactDisplay.ALL

    def serves(self, apartment: ApartmentId, building: BuildingId) -> bool:
        """Whether this device is there for *apartment* in *building*."""
        if self.place is Place.APARTMENT:
            return self.apartment == apartment
        return self.buildings is None or building in self.buildings
