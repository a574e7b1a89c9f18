"""Installers' commands: `edge --help`. Each group is in `edge.commands` and imported when it is used."""

import sys
from typing import Final

import click

from edge.commands.base import EdgeGroup

_COMMANDS: Final = {
    "init": "Make a site: edge.toml, the store, the secrets.",
    "serve": "Run the daemon until SIGTERM.",
    "status": "What runs, and since when.",
    "doctor": "What is wrong, and what to do about it.",
    "template": "Write an empty import template.",
    "import": "Import buildings, apartments, residents and devices.",
    "export": "Write everything as an import template.",
    "community": "The community itself.",
    "mac": "The MAC library.",
    "building": "Buildings.",
    "apartment": "Apartments, their service state, emptying them.",
    "landline": "Apartments' telephones.",
    "resident": "Residents and their apps.",
    "app": "Residents' apps: invite, revoke.",
    "device": "Door phones, monitors, guard phones, readers.",
    "autop": "Devices' own configuration files: what they fetch.",
    "firmware": "Versions of devices' firmware, and jobs that bring devices to one.",
    "relay": "A door's relays.",
    "schedule": "Hours of credentials, relays and doors.",
    "holiday": "Holidays of the community.",
    "credential": "PINs, cards, faces, codes.",
    "group": "Groups of doors.",
    "area": "Areas that know who is inside: anti-passback.",
    "pass": "Visitors' passes and delivery codes.",
    "whitelist": "Callers who may ring a door and open it by calling.",
    "camera": "Third-party cameras.",
    "tls": "The certificate that devices see.",
    "mqtt": "MQTT logins of integrators.",
    "secrets": "Keys of the site: what they are called, replacing them.",
    "backup": "The site in one file, while it runs.",
    "restore": "Make a site of a backup.",
    "enrol": "Join a central store by its one-time code.",
    "sync": "The central store: how far it is followed, what differs.",
    "central": "The reference central store: many communities, and what their edges may see.",
    "call": "Calls: plans, records, what happens now.",
    "sip": "SIP messages as they pass.",
    "door": "Why a door would open; open it, hold it open, lock it down.",
    "log": "The access log.",
}

_MODULES: Final = {  # where the command's own name can't be a module's
    "import": "importing",
    "pass": "visitor_pass",
    "secrets": "keys",
}


@click.group(
    cls=EdgeGroup,
    lazy={name: (f"edge.commands.{_MODULES.get(name, name)}", text) for name, text in _COMMANDS.items()},
    envvar="EDGE_SITE",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="intercom-edge", prog_name="edge")
def edge() -> None:
    """The server in the basement of an apartment house that answers the door.

    Exit codes: 0 done or yes, 1 failed, 2 misuse, 3 not allowed.
    """


def main() -> None:
    """Entry point of the command `edge`."""
    sys.exit(edge(prog_name="edge"))
