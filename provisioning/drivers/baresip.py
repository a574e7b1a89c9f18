"""baresip: its `accounts` file. It fetches nothing by itself; a script of two lines does, see docs/devices.md."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.desired import DesiredState
from provisioning.driver import ConfigFile, Items
from provisioning.family import Family, file_names, model_names
from provisioning.formats import one_line

_ACCOUNT: Final = re.compile(r'\s*(?:"(?P<name>[^"]*)"\s*)?<(?P<uri>sips?:[^>]+)>(?P<parameters>[^\r\n]*)')


@dataclass(frozen=True, slots=True)
class Baresip(Family):
    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        sip = desired.sip
        parts = [
            f'"{one_line(desired.name, without=_QUOTES)}" <sip:{sip.user}@{sip.server};transport={sip.transport}>',
            f"auth_pass={sip.password}",
            f'outbound="sip:{sip.server};transport={sip.transport}"',
            f"regint={sip.expires_s if desired.enabled else 0}",
            "answermode=manual",
            "audio_codecs=PCMA/8000/1,PCMU/8000/1",
            *(("mediaenc=srtp-mand",) if sip.transport == "tls" else ()),
        ]
        return (ConfigFile(f"baresip-{desired.mac}-accounts", (";".join(parts) + "\n").encode()),)

    def parse(self, body: bytes) -> Items:
        found = _ACCOUNT.match(body.decode())
        if found is None:
            raise ValueError("no accounts file of baresip")
        items = {"name": found["name"] or "", "uri": found["uri"]}
        for part in _PARAMETER.finditer(found["parameters"]):
            items[part[1]] = part[2].strip('"')
        return items


_PARAMETER: Final = re.compile(r';([a-z_]+)=("[^"]*"|[^;]*)')
_QUOTES: Final = '"\\<>;'

BARESIP: Final = Baresip(name="baresip", models=model_names("baresip"), files=file_names(r"baresip-MAC-accounts"))
