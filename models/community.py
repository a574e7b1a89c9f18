"""Places and people as the rules see them: frozen values, loaded whole into the snapshot."""

from dataclasses import dataclass

from models.call import CallType
from models.ids import ApartmentId, BuildingId, CommunityId, ResidentId, SipUser
from models.service import AccessPermission, Activation, FeaturePlan, PinMode, Role, ServiceState


@dataclass(frozen=True, slots=True)
class Community:
    """The site. There is exactly one in an edge's store."""

    id: CommunityId
    name: str
    time_zone: str  # IANA name, checked on entry
    plan: FeaturePlan = FeaturePlan.PREMIUM
    permission: AccessPermission = AccessPermission.PUBLIC_PRIVATE
    pin_mode: PinMode = PinMode.PIN
    community_calls: bool = False
    landline_service: bool = False
    home_automation: bool = False
    country: str = ""  # ISO 3166 alpha-2; "" where unknown


@dataclass(frozen=True, slots=True)
class Building:
    id: BuildingId
    name: str  # number or name, at most 128 characters


@dataclass(frozen=True, slots=True)
class Apartment:
    id: ApartmentId
    building: BuildingId
    number: str  # groups of 1-6 digits joined by "#", never starting with "#"
    name: str = ""
    floor: str = ""
    accessible_floors: tuple[str, ...] = ()
    call_type: CallType = CallType.APP_AND_MONITORS
    web_relay: int = 0  # 0 = none
    landlines: tuple[str, ...] = ()  # at most 3, E.164 with "+", in ring order
    has_handset: bool = False
    whitelisted: bool = False
    service: ServiceState = ServiceState.ACTIVE
    network_group: str = ""  # "" = in no group


@dataclass(frozen=True, slots=True)
class Resident:
    """One profile; it may live at several apartments."""

    id: ResidentId
    apartments: tuple[ApartmentId, ...]
    first_name: str
    last_name: str
    sip_user: SipUser
    role: Role = Role.MEMBER
    activation: Activation = Activation.ACTIVE
    activation_until_ms: int | None = None  # Unix milliseconds, exclusive; None = without end

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def app_works(self, now_ms: int) -> bool:
        """Whether the app leg and app unlocking work at *now_ms* (Unix milliseconds)."""
        return self.activation is Activation.ACTIVE and (
            self.activation_until_ms is None or now_ms < self.activation_until_ms
        )
