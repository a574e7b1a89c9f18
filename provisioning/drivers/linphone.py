"""Linphone on a telephone, a tablet or a computer: remote provisioning XML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import register_namespace

from provisioning.desired import DesiredState, SipAccount
from provisioning.driver import ConfigFile, Items
from provisioning.family import Family, beside, file_names, model_names
from provisioning.formats import element, one_line, parse_xml, xml

_SPACE: Final = "http://www.linphone.org/xsds/lpconfig.xsd"
_MEDIA: Final = {"udp": "none", "tcp": "none", "tls": "srtp"}

register_namespace("", _SPACE)


@dataclass(frozen=True, slots=True)
class Linphone(Family):
    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        sections = [
            element(
                _tag("section"),
                attributes={"name": name},
                children=[
                    element(_tag("entry"), text, attributes={"name": key, "overwrite": "true"})
                    for key, text in entries.items()
                ],
            )
            for name, entries in _with_lines(desired).items()
        ]
        root = element(_tag("config"), children=sections)
        return (ConfigFile(f"linphone-{desired.mac}.xml", xml(root), "application/xml; charset=utf-8"),)

    def parse(self, body: bytes) -> Items:
        """Names are ``section/entry``."""
        root = parse_xml(body)
        if root.tag != _tag("config"):
            raise ValueError("no remote provisioning of Linphone")
        return {
            f"{section.get('name', '')}/{entry.get('name', '')}": entry.text or ""
            for section in root.iter(_tag("section"))
            for entry in section.iter(_tag("entry"))
        }


def _tag(name: str) -> str:
    return f"{{{_SPACE}}}{name}"


def _with_lines(desired: DesiredState) -> Mapping[str, Mapping[str, str]]:
    """An installer's lines have keys of the form ``section/entry``."""
    flat = {
        f"{section}/{name}": text for section, entries in _sections(desired).items() for name, text in entries.items()
    }
    sections: dict[str, dict[str, str]] = {}
    for key, text in beside(flat, desired).items():
        section, slash, name = key.partition("/")
        if slash and section and name:
            sections.setdefault(section, {})[name] = text
    return sections


def _sections(desired: DesiredState) -> Mapping[str, Mapping[str, str]]:
    sip = desired.sip
    return {
        "proxy_0": {
            "reg_proxy": f"<sip:{sip.server}{_transport(sip)}>",
            "reg_route": f"<sip:{sip.server}{_transport(sip)};lr>",
            "reg_identity": f'"{one_line(desired.name, without=_QUOTES)}" <sip:{sip.user}@{sip.domain}>',
            "reg_expires": str(sip.expires_s),
            "reg_sendregister": "1" if desired.enabled else "0",
            "publish": "0",
        },
        "auth_info_0": {"username": sip.user, "passwd": sip.password, "realm": ""},
        "sip": {
            "default_proxy": "0",
            "media_encryption": _MEDIA[sip.transport],
            "use_info": "0",
            "use_rfc2833": "1",
            "in_call_timeout": "0",
            "inc_timeout": str(desired.around.ring_s),
        },
        # The address with its token is used once and not kept.
        "misc": {"transient_provisioning": "1", "version_check_url_root": ""},
        "net": {"stun_server": ""},
    }


_QUOTES: Final = '"\\<>'


def _transport(sip: SipAccount) -> str:
    return "" if sip.transport == "udp" else f";transport={sip.transport}"


LINPHONE: Final = Linphone(name="linphone", models=model_names("linphone"), files=file_names(r"linphone-MAC\.xml"))
