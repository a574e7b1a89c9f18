"""Credentials at a panel that is spoken to over HTTP: put, taken away, and read back (domain §12).

It is told what `edge.panels` tells every panel (`down/credentials`), and answers as one on the device plane would.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from edge.core.panel_rights import digest_of
from edge.fleet.push_panels import Panel
from models.ids import CredentialId
from provisioning.api import Holder, Holders, Refusal

MAX_PAGES: Final = 5_000
OTHER: Final = "other"
"""Stands in the digest for what a panel holds that it should not hold like this."""

Known = Mapping[str, tuple[str, Mapping[str, object]]]
"""Versions and entries of credentials by id."""

log = logging.getLogger(__name__)


class PanelHolders:
    """*known*: what a panel should hold, with values, for what was told before this process began. Blocks; called in a
    thread by *in_thread*."""

    def __init__(self, known: Callable[[Panel], Known]) -> None:
        self._known = known

    async def tell(self, panel: Panel, fields: Mapping[str, Any], load: "Load") -> str:
        """Carry out *fields* of `down/credentials`. With nothing in them: the digest of what the panel holds, else "".

        Raises Away, ShutOut, Refusal, ValueError.
        """
        api = panel.api.holders
        if api is None:
            raise Refusal("its family holds no credentials that we can tell")
        put: Sequence[Mapping[str, object]] = fields.get("put", ())
        remove: Sequence[str] = fields.get("remove", ())
        try:
            if not put and not remove and not fields.get("clear"):
                return await self._digest(panel, api, load)
            await self._change(panel, api, put, remove, clear=bool(fields.get("clear")))
        except BaseException:
            panel.held = None  # nobody knows how much of it was carried out
            raise
        return ""

    async def _change(
        self, panel: Panel, api: Holders, put: Sequence[Mapping[str, object]], remove: Sequence[str], *, clear: bool
    ) -> None:
        held = panel.held
        touched = {*(str(entry["credential"]) for entry in put), *remove}
        if held is None or clear or any(held[key].ref == "" for key in touched if key in held):
            held = panel.held = await read_all(panel, api)
        await self._remove(panel, api, held, list(held) if clear else remove)
        await self._put(panel, api, held, put)

    async def _remove(self, panel: Panel, api: Holders, held: dict[str, Holder], keys: Sequence[str]) -> None:
        refs = [held[key].ref for key in keys if key in held]
        for call in api.remove(refs, panel.told):
            await panel.wire.send(call)
        for key in keys:
            held.pop(key, None)
            panel.versions.pop(key, None)

    async def _put(
        self, panel: Panel, api: Holders, held: dict[str, Holder], entries: Sequence[Mapping[str, object]]
    ) -> None:
        wanted: list[Holder] = []
        unsaid: list[str] = []
        for entry in entries:
            key = str(entry["credential"])
            record = api.record(entry, panel.told)
            panel.versions[key] = (str(entry["version"]), record)
            if record is None:
                unsaid.append(key)
            elif key not in held or held[key].fields != record.fields:
                wanted.append(Holder(key, record.fields, held[key].ref if key in held else ""))
        if unsaid:
            log.warning("%d credentials stay with the edge: %s can't say their hours or kind", len(unsaid), panel.mac)
            versions = {key: panel.versions[key] for key in unsaid}
            await self._remove(panel, api, held, unsaid)
            panel.versions |= versions
        for call in api.put(wanted, panel.told):
            await panel.wire.send(call)
        held.update({holder.key: Holder(holder.key, holder.fields) for holder in wanted})  # by which name, is not known

    async def _digest(self, panel: Panel, api: Holders, load: "Load") -> str:
        """Of what the panel really holds, read page by page: each credential by the version that it is of."""
        held = panel.held = await read_all(panel, api)
        digest: str = await load(lambda: self._digested(panel, api, held))
        return digest

    def _digested(self, panel: Panel, api: Holders, held: Mapping[str, Holder]) -> str:
        """Thousands are compared: not in the loop's thread."""
        if held.keys() - panel.versions.keys() or not panel.versions:
            for key, (version, entry) in self._known(panel).items():
                panel.versions.setdefault(key, (version, api.record(entry, panel.told)))
        found: dict[CredentialId, str] = {}
        for key, holder in held.items():
            version, record = panel.versions.get(key, (OTHER, None))
            same = record is not None and record.fields == holder.fields
            found[CredentialId(key)] = version if same else OTHER
        unsaid = {CredentialId(key): version for key, (version, record) in panel.versions.items() if record is None}
        return digest_of({**unsaid, **found})


Load = Callable[[Callable[[], str]], Any]
"""Runs what blocks in a thread: awaitable."""


async def read_all(panel: Panel, api: Holders) -> dict[str, Holder]:
    """Everything that the panel holds, by our id; what is not ours by ``?`` and its own. Raises as `Wire.send`."""
    held: dict[str, Holder] = {}
    for number in range(1, MAX_PAGES + 1):
        page = api.read(await panel.wire.send(api.page(number, panel.told)), panel.told)
        for holder in page.holders:
            key = holder.key if holder.key and holder.key not in held else f"?{holder.ref}"
            held[key] = holder
        if page.last:
            return held
    raise Refusal(f"it has more than {MAX_PAGES} pages")
