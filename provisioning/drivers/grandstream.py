"""Grandstream GDS37xx door phones: `cfg<mac>.xml`, P values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from provisioning.desired import DesiredState
from provisioning.driver import ConfigFile, Items
from provisioning.family import Family, beside, file_names, model_names
from provisioning.formats import element, one_line, parse_xml, xml

_P_VALUE: Final = re.compile(r"P\d{1,6}", re.ASCII)
_TRANSPORTS: Final = {"udp": "0", "tcp": "1", "tls": "2"}
_FETCH_BY: Final = {"http": "1", "https": "2"}


@dataclass(frozen=True, slots=True)
class Grandstream(Family):
    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        """Lines of an installer are P values; any other key is no element of this document."""
        asked = replace(desired, lines=tuple(line for line in desired.lines if _P_VALUE.fullmatch(line[0])))
        values = [element(name, text) for name, text in beside(_values(desired), asked).items()]
        root = element(
            "gs_provision",
            children=[element("mac", desired.mac), element("config", children=values, attributes={"version": "1"})],
            attributes={"version": "1"},
        )
        return (ConfigFile(f"cfg{desired.mac}.xml", xml(root), "application/xml; charset=utf-8"),)

    def parse(self, body: bytes) -> Items:
        root = parse_xml(body)
        config = root.find("config")
        if root.tag != "gs_provision" or config is None:
            raise ValueError("no configuration of Grandstream")
        return {child.tag: child.text or "" for child in config}


def _values(desired: DesiredState) -> dict[str, str]:
    sip, source = desired.sip, urlsplit(desired.files.url)
    values = {
        "P271": "1" if desired.enabled else "0",  # account 1
        "P270": one_line(desired.name),
        "P3": one_line(desired.name),
        "P47": sip.server,
        "P35": sip.user,
        "P36": sip.user,
        "P34": sip.password,
        "P130": _TRANSPORTS[sip.transport],
        "P32": str(max(1, sip.expires_s // 60)),  # minutes
        "P2": desired.admin.password,
        "P212": _FETCH_BY.get(source.scheme, "1"),
        "P237": (source.netloc + source.path).rstrip("/"),  # without the scheme
        "P1360": desired.files.user,
        "P1361": desired.files.password,
        "P207": one_line(desired.around.syslog_server),
    }
    if desired.around.ntp_server:
        values["P30"] = one_line(desired.around.ntp_server)
    return values


GRANDSTREAM: Final = Grandstream(
    name="grandstream",
    models=model_names(r"(grandstream|gds)"),
    makers=frozenset({"000b82", "c074ad", "ec74d7"}),
    files=file_names(r"cfgMAC\.xml"),
)
