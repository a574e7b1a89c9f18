"""What may be asked of which device from afar (domain §10). Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from models.device import Device, DeviceType

MAX_LINES: Final = 64
"""AutoP lines in one command; `down/autop` stays far below 64 KiB with them."""
MAX_LINE: Final = 512  # characters

_MONITORS: Final = frozenset({DeviceType.INDOOR_MONITOR})
_ALL: Final = frozenset(DeviceType)
VERBS: Final[Mapping[str, frozenset[DeviceType]]] = {
    "reboot": _ALL,
    "reset": _ALL,
    "autop": _ALL,
    "arm": _MONITORS,
    "disarm": _MONITORS,
}


class NotForThis(ValueError):
    """The verb makes no sense for this device."""


def check(verb: str, device: Device, lines: Iterable[str] = ()) -> None:
    """Raises NotForThis, with words for a person."""
    if verb not in VERBS:
        raise NotForThis(f"{verb} is no command for a device")
    if device.type not in VERBS[verb]:
        raise NotForThis(f"{device.name} can't {verb}: that is for indoor monitors")
    if verb != "autop" and tuple(lines):
        raise NotForThis(f"{verb} takes no configuration lines")


def autop_lines(typed: Iterable[str]) -> tuple[str, ...]:
    """Lines of the form ``Config.Account1.GENERAL.Enable = 1``, each once, in order. Raises ValueError."""
    lines = tuple(dict.fromkeys(line.strip() for line in typed if line.strip()))
    if len(lines) > MAX_LINES:
        raise ValueError(f"at most {MAX_LINES} lines at once")
    for line in lines:
        key, sign, _ = line.partition("=")
        if not sign or not key.strip() or len(line) > MAX_LINE or not line.isprintable():
            raise ValueError(f"{line[:40]!r} is no line of the form KEY = VALUE")
    return lines
