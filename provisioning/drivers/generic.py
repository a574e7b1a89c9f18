"""Any SIP device of a vendor that we have no driver for: a page of settings for the person who types them in."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.desired import DesiredState
from provisioning.driver import Capabilities, ConfigFile, Items
from provisioning.family import Family, file_names, model_names


@dataclass(frozen=True, slots=True)
class Generic(Family):
    def capabilities(self, model: str, *, is_door: bool) -> Capabilities:
        return Capabilities(fetches=True, known=False)

    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        sip = desired.sip
        settings = {
            "name": desired.name,
            "user": sip.user,
            "auth_user": sip.user,
            "password": sip.password,
            "registrar": sip.server,
            "outbound_proxy": sip.server,
            "transport": sip.transport,
            "expires_s": str(sip.expires_s),
            "dtmf": "rfc4733",
            "codecs": "PCMA, PCMU, H264",
            "time_zone": desired.time_zone,
            "ntp_server": desired.around.ntp_server,
            "syslog_server": desired.around.syslog_server,
        }
        body = json.dumps(settings, ensure_ascii=False, indent=2).encode() + b"\n"
        return (ConfigFile(f"generic-{desired.mac}.json", body, "application/json"),)

    def parse(self, body: bytes) -> Items:
        read = json.loads(body)
        if not isinstance(read, dict):
            raise ValueError("no object")
        return {str(key): str(value) for key, value in read.items()}


GENERIC: Final = Generic(name="generic", models=model_names(r"generic"), files=file_names(r"generic-MAC\.json"))
