"""Fanvil door phones and monitors of the i series: `<mac>.cfg`, an XML document `<sysConf>`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from provisioning.desired import DesiredState
from provisioning.driver import ConfigFile, Items
from provisioning.family import Family, file_names, model_names
from provisioning.formats import element, one_line, parse_xml, xml

_TRANSPORTS: Final = {"udp": "0", "tcp": "1", "tls": "3"}
_HTTP: Final = "4"


@dataclass(frozen=True, slots=True)
class Fanvil(Family):
    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        root = element(
            "sysConf",
            children=[
                element("Version", "2.0000000000"),
                element("sip", children=[_line(desired)]),
                element("phone", children=_phone(desired)),
                element("web", children=[_account(desired)]),
                element("ap", children=_provisioning(desired)),
            ],
        )
        return (ConfigFile(f"{desired.mac}.cfg", xml(root), "application/xml; charset=utf-8"),)

    def parse(self, body: bytes) -> Items:
        """Names are paths, ``sip/line.1/RegisterUser``."""
        root = parse_xml(body)
        if root.tag != "sysConf":
            raise ValueError("no configuration of Fanvil")
        items: dict[str, str] = {}
        for child in root:
            _collect(child, "", items)
        return items


def _collect(node: Element, above: str, into: dict[str, str]) -> None:
    index = node.get("index")
    path = above + node.tag + (f".{index}" if index else "")
    if len(node) == 0:
        into[path] = (node.text or "").strip()
    for child in node:
        _collect(child, f"{path}/", into)


def _line(desired: DesiredState) -> Element:
    sip = desired.sip
    settings = {
        "PhoneNumber": sip.user,
        "DisplayName": one_line(desired.name),
        "RegisterAddr": sip.host,
        "RegisterPort": str(sip.port),
        "RegisterUser": sip.user,
        "RegisterPswd": sip.password,
        "RegisterTTL": str(sip.expires_s),
        "EnableReg": "1" if desired.enabled else "0",
        "Transport": _TRANSPORTS[sip.transport],
        "AutoAnswer": "0",
        "AlwaysFWD": "0",
        "BusyFWD": "0",
        "NoAnswerFWD": "0",
    }
    return element("line", children=[element(tag, text) for tag, text in settings.items()], attributes={"index": "1"})


def _phone(desired: DesiredState) -> list[Element]:
    clock = []
    if desired.around.ntp_server:
        clock = [element("SNTPServer", one_line(desired.around.ntp_server)), element("EnableSNTP", "1")]
    return [
        element("MenuPassword", desired.admin.password),
        element("KeyLockPassword", desired.admin.password),
        element("date", children=clock),
    ]


def _account(desired: DesiredState) -> Element:
    """The factory's admin/admin, replaced."""
    login = [element("Name", desired.admin.user), element("Password", desired.admin.password), element("Level", "10")]
    return element("account", children=login, attributes={"index": "1"})


def _provisioning(desired: DesiredState) -> list[Element]:
    return [
        element("FlashServerIP", desired.files.url.rstrip("/")),
        element("FlashFileName", "$mac.cfg"),
        element("FlashProtocol", _HTTP),
    ]


FANVIL: Final = Fanvil(
    name="fanvil",
    models=model_names(r"(fanvil|i\d{1,2}[a-z]*\b|pa\d)"),
    makers=frozenset({"0c383e"}),
    files=file_names(r"MAC\.cfg"),
)
