"""What drivers have in common: how a device of the family is known by its model, its MAC and the files it asks for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.ids import Mac
from provisioning.api import DeviceApi
from provisioning.desired import DesiredState
from provisioning.driver import ApiCall, Capabilities, ConfigFile, DeviceIdentity, Items


@dataclass(frozen=True, slots=True)
class Family:
    """Base of the drivers: a family of which nothing more is known than how to recognise it."""

    name: str
    models: re.Pattern[str]  # matched from the beginning
    makers: frozenset[str] = frozenset()  # first six digits of MACs, as the IEEE gave them to the vendor
    files: tuple[re.Pattern[str], ...] = ()  # whole names, the MAC as the group ``mac``
    opens: Mapping[int, ApiCall] = field(default_factory=dict)  # relay number -> request
    api: DeviceApi | None = None

    def matches(self, device: DeviceIdentity) -> bool:
        if device.model:
            return self.models.match(device.model) is not None
        return device.mac[:6] in self.makers

    def capabilities(self, model: str, *, is_door: bool) -> Capabilities:
        return Capabilities(fetches=bool(self.files), max_relays=max(1, len(self.opens)), known=bool(model))

    def asked_by(self, path: str) -> Mac | None:
        found = (pattern.fullmatch(path) for pattern in self.files)
        return next((Mac(match["mac"].lower()) for match in found if match), None)

    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        return ()

    def parse(self, body: bytes) -> Items:
        raise ValueError(f"devices of {self.name} have no files")

    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        return ()

    def opening(self, relay: int) -> ApiCall | None:
        return self.opens.get(relay)


def beside(own: Mapping[str, str], desired: DesiredState) -> dict[str, str]:
    """*own* settings, and an installer's lines beside them: what the edge sets itself, no line changes."""
    return {**own, **{key: value for key, value in desired.lines if key not in own}}


def model_names(pattern: str) -> re.Pattern[str]:
    """Names of models by their beginning, in either case."""
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


def file_names(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """Whole names of files, in either case; MAC stands for the twelve digits."""
    return tuple(re.compile(p.replace("MAC", "(?P<mac>[0-9a-f]{12})"), re.IGNORECASE | re.ASCII) for p in patterns)
