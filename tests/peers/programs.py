"""The real programs that tests use, how to find each, and what installs it. Standard library only.

    python3 -m tests.peers.programs        # the packages that are missing here, one line, empty if none

``make test`` runs it before the virtual environment exists.
"""

import glob
import importlib.util
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Program:
    """A program that a test may need."""

    found: Callable[[], bool]
    packages: tuple[str, ...]  # Debian; empty = comes with the locked Python packages


def _on_path(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) for name in names)


def _file(*patterns: str) -> Callable[[], bool]:
    return lambda: all(glob.glob(pattern) for pattern in patterns)


def _both(*conditions: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: all(condition() for condition in conditions)


POSTGRES_BIN: Final = "/usr/lib/postgresql/*/bin"  # Debian keeps the server's programs off the PATH
KAMAILIO_MODULES: Final = "/usr/lib/*/kamailio/modules"

PROGRAMS: Final[Mapping[str, Program]] = {
    "atheris": Program(lambda: importlib.util.find_spec("atheris") is not None, ()),
    "baresip": Program(
        _both(_on_path("baresip"), _file("/usr/lib/baresip/modules/avcodec.so")), ("baresip-core", "baresip-ffmpeg")
    ),
    "bash": Program(_on_path("bash"), ("bash",)),
    "chromium": Program(_on_path("chromium"), ("chromium",)),
    "coturn": Program(_on_path("turnserver"), ("coturn",)),
    "curl": Program(_on_path("curl"), ("curl",)),
    "ffmpeg": Program(_on_path("ffmpeg"), ("ffmpeg",)),
    "kamailio": Program(
        _both(_on_path("kamailio"), _file(f"{KAMAILIO_MODULES}/htable.so", f"{KAMAILIO_MODULES}/tls.so")),
        ("kamailio", "kamailio-extra-modules", "kamailio-tls-modules"),
    ),
    "linphone": Program(_on_path("linphonec"), ("linphone-cli",)),
    "mosquitto": Program(_on_path("mosquitto", "mosquitto_pub", "mosquitto_sub"), ("mosquitto", "mosquitto-clients")),
    "nft": Program(_on_path("nft", "ip"), ("nftables", "iproute2")),
    "node": Program(_on_path("node", "npm"), ("nodejs", "npm")),
    "openssl": Program(_on_path("openssl"), ("openssl",)),
    "pjsua2": Program(lambda: importlib.util.find_spec("pjsua2") is not None, ()),
    "postgresql": Program(_file(f"{POSTGRES_BIN}/initdb"), ("postgresql",)),
    "rtpengine": Program(_on_path("rtpengine"), ("rtpengine-daemon",)),
    "sipp": Program(_on_path("sipp"), ("sip-tester",)),
    "sipsak": Program(_on_path("sipsak"), ("sipsak",)),
    "sipvicious": Program(_on_path("svmap", "svwar", "svcrack"), ("sipvicious",)),
    "systemd-analyze": Program(_on_path("systemd-analyze"), ("systemd",)),
    "tshark": Program(_on_path("tshark", "dumpcap"), ("tshark",)),
}


def missing(names: Iterable[str] = PROGRAMS) -> tuple[str, ...]:
    """Those of *names* that are not on this machine. An unknown name is a KeyError."""
    return tuple(name for name in names if not PROGRAMS[name].found())


def install_command(names: Iterable[str]) -> str:
    """The one command that brings *names*."""
    packages = packages_of(names)
    return f"apt-get install --no-install-recommends {' '.join(packages)}" if packages else "make setup"


def packages_of(names: Iterable[str]) -> tuple[str, ...]:
    """Debian packages of *names*, sorted, each once."""
    return tuple(sorted({package for name in names for package in PROGRAMS[name].packages}))


if __name__ == "__main__":
    print(" ".join(packages_of(missing())))
