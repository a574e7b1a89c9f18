"""Telling one device its settings: read, compared, written where they differ, read back."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from edge.fleet.push_http import Away, ShutOut
from edge.fleet.push_panels import Panel
from provisioning.api import Refusal, Section, Told
from provisioning.desired import MASK, DesiredState

BACK_WITHIN_S: Final = 120.0
ASKED_AGAIN_AFTER_S: Final = 1.0
MAX_SHOWN_CHARS: Final = 120

SAME, DIFFERS, WRITTEN, UNREAD, FAILED = "same", "differs", "written", "unread", "failed"
"""States of an item. *unread*: written, and the device does not say what it has."""

Progress = Callable[[str, int, int], None]
"""What is being done, how far, of how many."""


@dataclass(frozen=True, slots=True)
class Item:
    """One setting in the report; a secret one shows nothing of itself."""

    section: str
    item: str
    state: str
    has: str
    wants: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a push. *error*: why it ended early; "" = it did not."""

    told: Told
    items: tuple[Item, ...] = ()
    error: str = ""

    @property
    def converged(self) -> bool:
        """Whether the device has what it should, as far as it can be read."""
        return not self.error and all(item.state in (SAME, WRITTEN, UNREAD) for item in self.items)

    def shown(self) -> dict[str, object]:
        """As it is printed: what is the same is only counted."""
        return {
            "model": self.told.model,
            "firmware": self.told.firmware,
            "same": sum(item.state == SAME for item in self.items),
            "items": [asdict(item) for item in self.items if item.state != SAME],
            "converged": self.converged,
            "error": self.error,
        }


def sections_of(panel: Panel, desired: DesiredState) -> Sequence[Section]:
    """What *panel* should have, by the model that it says it is. Raises Unfit."""
    model = panel.told.model or desired.model
    return panel.api.sections(replace(desired, model=model), replace(panel.told, model=model))


def digest_of(sections: Sequence[Section]) -> str:
    """Tells wanted settings apart."""
    told = json.dumps([[section.name, sorted(section.wanted.items())] for section in sections])
    return hashlib.sha256(told.encode()).hexdigest()


async def probe(panel: Panel) -> Told:
    """Ask the device what it is. Raises Away, ShutOut, Refusal, ValueError."""
    call = panel.api.probe()
    if call is None:
        return panel.told
    panel.told = panel.api.told(await panel.wire.send(call))
    if panel.told.mac and panel.told.mac != panel.mac:
        raise Refusal(f"another device is there: {panel.told.mac}")
    return panel.told


async def push_settings(
    panel: Panel,
    desired: DesiredState,
    *,
    dry_run: bool = False,
    anew: bool = False,
    progress: Progress = lambda what, done, of: None,
) -> Report:
    """Bring *panel* to *desired*. *anew*: secrets are written though the device may have them, for some are not told
    back as they were written. Never raises for what a device does.
    """
    items: list[Item] = []
    try:
        await probe(panel)
        sections = sections_of(panel, desired)
        differing = []
        for number, section in enumerate(sections, start=1):
            progress(section.name, number, len(sections))
            has, changed = await _compare(panel, section, anew)
            items += _unchanged(section, has, changed)
            if changed:
                differing.append((section, has, changed))
        if dry_run:
            items += [item for section, has, changed in differing for item in _listed(section, has, changed, DIFFERS)]
        else:
            items += await _write(panel, desired, differing, progress)
        return Report(panel.told, tuple(items))
    except (Away, ShutOut, Refusal) as error:
        return Report(panel.told, tuple(items), str(error))
    except ValueError as error:
        return Report(panel.told, tuple(items), f"its reply can't be read, or it can't be told: {error}"[:200])


async def _compare(panel: Panel, section: Section, anew: bool) -> tuple[Mapping[str, str], dict[str, str]]:
    """What the device has, and what is to be written."""
    if not section.read:
        return {}, dict(section.wanted) if anew else {}
    has = section.parse([await panel.wire.send(call) for call in section.read])
    changed = {
        key: value
        for key, value in section.wanted.items()
        if (has.get(key) != value and (anew or key not in section.secret))
    }
    extra = dict.fromkeys(has.keys() - section.wanted.keys(), "") if section.exact else {}
    return has, changed | extra


async def _write(
    panel: Panel,
    desired: DesiredState,
    differing: Sequence[tuple[Section, Mapping[str, str], dict[str, str]]],
    progress: Progress,
) -> list[Item]:
    for number, (section, has, changed) in enumerate(differing, start=1):
        progress(f"writing {section.name}", number, len(differing))
        for call in section.write(changed, has):
            await panel.wire.send(call)
    if panel.wire.login in panel.api.factory and panel.wire.login != panel.wire.ours:
        for call in panel.api.replace_login(panel.wire.login, desired.admin):
            await panel.wire.send(call)
    if any(section.reboot for section, _, _ in differing):
        progress("rebooting", 0, 1)
        await reboot(panel)
    items: list[Item] = []
    for section, has, changed in differing:
        progress(f"reading back {section.name}", 0, 1)
        items += _read_back(section, has, changed, await _compare(panel, section, anew=True))
    return items


async def reboot(panel: Panel) -> None:
    """Have it start again, and wait until it answers. Raises Away, ShutOut, Refusal."""
    for call in panel.api.order("reboot", {}) or ():
        await panel.wire.send(call)
    panel.forget()
    async with asyncio.timeout(BACK_WITHIN_S):
        while True:
            await asyncio.sleep(ASKED_AGAIN_AFTER_S)
            try:
                await probe(panel)
            except Away:
                continue
            return


def _read_back(
    section: Section,
    has: Mapping[str, str],
    changed: Mapping[str, str],
    now: tuple[Mapping[str, str], Mapping[str, str]],
) -> list[Item]:
    if not section.read:
        return _listed(section, has, changed, UNREAD)
    items = []
    for key, value in changed.items():
        right = now[0].get(key, "") == value
        state = WRITTEN if right else UNREAD if key in section.secret else FAILED
        items += _listed(section, has if right else now[0], {key: value}, state)
    return items


def _unchanged(section: Section, has: Mapping[str, str], changed: Mapping[str, str]) -> list[Item]:
    same = {key: value for key, value in section.wanted.items() if key not in changed}
    return _listed(section, has, same, SAME)


def _listed(section: Section, has: Mapping[str, str], items: Mapping[str, str], state: str) -> list[Item]:
    return [
        Item(section.name, key, state, _shown(section, key, has.get(key, "")), _shown(section, key, value))
        for key, value in items.items()
    ]


def _shown(section: Section, key: str, value: str) -> str:
    """A secret that the device has is no more to be seen than one that it should have."""
    if not section.read or (key in section.secret and value):
        return MASK if section.read else ""
    return value[:MAX_SHOWN_CHARS]
