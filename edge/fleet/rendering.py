"""The files of one device, by its driver or by the one whose file was asked for."""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge.store.provisioning import Fetched
from provisioning.desired import DesiredState
from provisioning.driver import DeviceDriver, DeviceIdentity
from provisioning.registry import driver_asking, driver_for


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """As it is served, and as it may be shown."""

    path: str
    media_type: str
    body: bytes = field(repr=False)
    shown: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def own_driver(desired: DesiredState) -> DeviceDriver:
    """The driver of the device, by the model that it told or by its MAC."""
    return driver_for(DeviceIdentity(desired.mac, desired.model))


def render(desired: DesiredState, driver: DeviceDriver) -> list[RenderedFile]:
    """The files that *driver* makes of *desired*. Raises Unfit."""
    masked = {file.path: file.body for file in driver.render(desired.masked())}
    return [
        RenderedFile(file.path, file.media_type, file.body, masked[file.path].decode())
        for file in driver.render(desired)
    ]


def find(desired: DesiredState, path: str) -> RenderedFile | None:
    """The file that the device asks for as *path*. Its own only: the MAC in the name is nobody else's.

    Letters' case does not count, for devices differ in how they write a MAC. Raises Unfit.
    """
    driver = driver_asking(path, DeviceIdentity(desired.mac, desired.model))
    if driver is None:
        return None
    return next((file for file in render(desired, driver) if file.path.lower() == path.lower()), None)


def without_effect(desired: DesiredState, driver: DeviceDriver) -> list[str]:
    """Keys of an installer's lines that the files of *driver* don't have: the edge sets them itself, or the family's
    files can't say them."""
    said: dict[str, str] = {}
    for file in driver.render(desired) if desired.lines else ():
        try:
            said |= driver.parse(file.body)
        except ValueError:
            continue  # a table beside the configuration
    return [key for key, value in desired.lines if said.get(key) != value]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a device would get that it has not. *lines*: a unified diff without secrets."""

    path: str
    state: str  # same, changed, secrets (only they changed), never (it was not fetched yet)
    lines: tuple[str, ...] = ()


def compare(files: Iterable[RenderedFile], fetched: Mapping[str, Fetched]) -> list[Difference]:
    """Of each file, against what the device last fetched."""
    return [_compared(file, fetched.get(file.path)) for file in files]


def _compared(file: RenderedFile, had: Fetched | None) -> Difference:
    if had is None:
        return Difference(file.path, "never")
    if had.sha256 == file.sha256:
        return Difference(file.path, "same")
    lines = difflib.unified_diff(had.shown.splitlines(), file.shown.splitlines(), "fetched", "now", lineterm="", n=0)
    found = tuple(lines)
    return Difference(file.path, "changed" if found else "secrets", found)
