"""What a community bought and what a resident paid for (`docs/domain.md` sections 1 and 5)."""

import enum


class FeaturePlan(enum.Enum):
    """Never changes after the community is made."""

    BASIC = "basic"
    PREMIUM = "premium"


class AccessPermission(enum.Enum):
    """Whether property managers' credentials open private doors too. Never changes after the community is made."""

    PUBLIC_PRIVATE = "public_private"
    PUBLIC_ONLY = "public_only"


class PinMode(enum.Enum):
    """PIN: the bare PIN opens. APT_PIN: the visitor gives apartment and PIN."""

    __hash__ = object.__hash__  # as models.access.UnlockMethod

    PIN = "pin"
    APT_PIN = "apt_pin"


class ServiceState(enum.Enum):
    """An apartment's billing state."""

    __hash__ = object.__hash__  # as models.access.UnlockMethod

    ACTIVE = "active"
    BLOCKED = "blocked"
    OFF = "off"


class Feature(enum.Enum):
    """What a home has beside opening doors."""

    CALLS = "calls"  # being called, calling neighbours, looking in at a door
    VIDEO = "video"  # pictures of the door without a call
    HISTORY = "history"  # what happened at the door


class Activation(enum.Enum):
    """State of a resident's app subscription."""

    INACTIVE = "inactive"
    ACTIVE = "active"
    EXPIRED = "expired"


class Role(enum.Enum):
    """A resident's place in the family account."""

    MASTER = "master"
    MEMBER = "member"
