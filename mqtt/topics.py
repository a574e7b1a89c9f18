"""Every topic name of the device plane, once (docs/mqtt.md).

<prefix>/<community>/<mac>/up/<kind>      a device writes, the daemon reads
<prefix>/<community>/<mac>/down/<verb>    the daemon writes, that device reads
<prefix>/<community>/edge/<kind>          the daemon writes, integrators read
<prefix>/<community>/service/marker/<n>   the daemon writes to itself: what comes after it did not wait
"""

import enum
import re
from dataclasses import dataclass
from typing import Final

from models.ids import CommunityId, Mac

_LEVEL: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_DEVICE_MAC: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)


class Up(enum.Enum):
    """Kinds of message a device sends."""

    STATE = "state"
    HELLO = "hello"
    ATTEMPT = "attempt"
    EVENT = "event"
    ACK = "ack"


DECISION: Final = "decision"
OPEN: Final = "open"
CONFIG: Final = "config"
"""The one `down` that is retained; nothing secret is in it."""
CREDENTIALS: Final = "credentials"
VERBS: Final = frozenset({"reboot", "reset", "autop", "upgrade", "arm", "disarm", "hold", "release", CREDENTIALS})
"""What `down` says beside decisions, openings and configurations. None of them is ever retained."""

_UP: Final = {kind.value: kind for kind in Up}


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one community. Raises ValueError for a prefix or community that would make other levels."""

    prefix: str
    community: CommunityId

    def __post_init__(self) -> None:
        for name, level in (("prefix", self.prefix), ("community", self.community)):
            if not _LEVEL.fullmatch(level):
                raise ValueError(f"mqtt {name} {level!r}: one topic level of letters, digits, '-', '_' and '.'")

    @property
    def root(self) -> str:
        return f"{self.prefix}/{self.community}"

    @property
    def edge_state(self) -> str:
        """The daemon's own state, retained, and its will."""
        return f"{self.root}/edge/state"

    @property
    def edge_event(self) -> str:
        """Events for integrators (decision 19)."""
        return f"{self.root}/edge/event"

    @property
    def edge_all(self) -> str:
        """Filter: all that integrators may read."""
        return f"{self.root}/edge/#"

    @property
    def everything(self) -> str:
        return f"{self.root}/#"

    def marker(self, link: str) -> str:
        return f"{self.root}/service/marker/{link}"

    def every(self, kind: Up) -> str:
        """Filter: messages of *kind* from all devices."""
        return f"{self.root}/+/up/{kind.value}"

    def down(self, device: Mac, verb: str) -> str:
        return f"{self.root}/{device}/down/{verb}"

    @property
    def every_config(self) -> str:
        """Filter: the configurations of all devices."""
        return f"{self.root}/+/down/{CONFIG}"

    def config_for(self, topic: str) -> Mac | None:
        """Whose configuration stands at *topic*; None for every other topic."""
        root, _, rest = topic.partition(f"{self.root}/")
        device, _, kind = rest.partition("/")
        return Mac(device) if not root and kind == f"down/{CONFIG}" and _DEVICE_MAC.fullmatch(device) else None

    def all_of(self, device: Mac) -> str:
        """Filter: all topics of one device, both ways."""
        return f"{self.root}/{device}/#"

    def may_write(self, user: str) -> str:
        """Filter a device may write to; *user* may be a broker's placeholder such as ``%u``."""
        return f"{self.root}/{user}/up/#"

    def may_read(self, user: str) -> str:
        """Filter a device may read; *user* as in `may_write`."""
        return f"{self.root}/{user}/down/#"

    def from_device(self, topic: str) -> tuple[Mac, Up] | None:
        """Who sent what, of a topic that a device writes; None for every other topic."""
        root, _, rest = topic.partition(f"{self.root}/")
        levels = rest.split("/")
        if root or len(levels) != 3 or levels[1] != "up" or not _DEVICE_MAC.fullmatch(levels[0]):
            return None
        kind = _UP.get(levels[2])
        return None if kind is None else (Mac(levels[0]), kind)
