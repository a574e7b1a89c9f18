"""Who may log in to the broker, and as what. The application owns devices and integrators; the plane adds itself."""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

SERVICE_PREFIX: Final = "edge-"
"""User names that begin so are the daemon's own."""

_MAC: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_INTEGRATOR: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class Role(enum.Enum):
    """What a login may do with topics (docs/mqtt.md)."""

    DEVICE = "device"  # writes its own `up/#`, reads its own `down/#`
    SERVICE = "service"  # the daemon: all of its community
    INTEGRATOR = "integrator"  # reads `edge/#`
    HOME_ASSISTANT = "home_assistant"  # only what it is granted, see `Account.grants`


@dataclass(frozen=True, slots=True)
class Grant:
    """A right beside those of the role, at mosquitto only. *topics* is a filter, wildcards included."""

    access: Literal["read", "write", "readwrite"]
    topics: str

    def __post_init__(self) -> None:
        if not self.topics or not self.topics.isprintable() or self.topics != self.topics.strip():
            raise ValueError(f"mqtt right {self.topics!r}: not a filter")


@dataclass(frozen=True, slots=True)
class Account:
    """A login. Raises ValueError for a user name that would give other rights than its role's.

    A user name becomes a topic level and a line of the broker's files, so it is checked where it enters.
    """

    user: str  # of a device: its MAC
    password: str
    role: Role
    grants: tuple[Grant, ...] = ()

    def __post_init__(self) -> None:
        if not self.password or not self.password.isprintable():
            raise ValueError(f"mqtt login {self.user!r}: the password is empty or has control characters")
        if not _USER_OF[self.role].fullmatch(self.user):
            raise ValueError(f"mqtt login {self.user!r}: not a name for the role {self.role.value}")
        if self.role is Role.INTEGRATOR and (_MAC.fullmatch(self.user.lower()) or reserved(self.user)):
            raise ValueError(f"mqtt login {self.user!r}: an integrator is not called like a device or the daemon")
        if self.role is Role.DEVICE and self.grants:
            raise ValueError(f"mqtt login {self.user!r}: a device has its own branch and nothing else")

    def __repr__(self) -> str:
        return f"Account({self.user!r}, {self.role.value})"


HOME_ASSISTANT: Final = f"{SERVICE_PREFIX}homeassistant"
"""As whom Home Assistant logs in at our own broker."""

_USER_OF: Final = {
    Role.DEVICE: _MAC,
    Role.SERVICE: re.compile(rf"edge|{SERVICE_PREFIX}[a-z]{{1,16}}", re.ASCII),
    Role.INTEGRATOR: _INTEGRATOR,
    Role.HOME_ASSISTANT: re.compile(re.escape(HOME_ASSISTANT), re.ASCII),
}


def reserved(user: str) -> bool:
    """Whether *user* is a name the daemon or its topics use themselves."""
    return user == "edge" or user == "service" or user.startswith(SERVICE_PREFIX)


class MqttAccounts(Protocol):
    """Devices and integrators that may log in now. Disabled devices are among them (decision 15)."""

    def mqtt_accounts(self) -> Iterable[Account]:
        """Every login; read again after each change. Called in the event loop: no I/O."""
        ...
