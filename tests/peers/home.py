"""A home behind a real NAT: a network namespace of its own, whose way out the kernel masquerades.

with Home.built(block) as home: …a program whose argv begins with *home.inside* sees the edge at *home.outside*

Needs the right to make namespaces (root, or a container with CAP_SYS_ADMIN); `possible` tells.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ADDRESS: Final = "192.168.1.50"  # of the telephone; nobody outside has a route to it
PORTS: Final = range(20_000, 30_000)  # that the NAT gives to what goes out, at random
_WITHIN_S: Final = 20.0
# Answers come in, and nothing else. What the phone sends leaves by another port than its own.
_RULES: Final = f"""
table ip home {{
  chain out {{
    type nat hook postrouting priority srcnat;
    oifname "way-out" ip protocol udp masquerade to :{PORTS.start}-{PORTS.stop - 1} random
  }}
  chain in {{
    type filter hook input priority filter;
    iifname "way-out" ct state new drop
  }}
}}
"""


def possible() -> bool:
    """Whether this machine lets us make a network."""
    try:
        probe = subprocess.run(
            ["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False, timeout=_WITHIN_S
        )
    except OSError:
        return False
    return probe.returncode == 0


@dataclass(frozen=True, slots=True)
class Home:
    """Addresses: *outside* is this machine's, towards the home; *public* is what the home's telephones seem to have."""

    inside: tuple[str, ...]  # before a program's argv
    outside: str
    public: str

    @classmethod
    @contextlib.contextmanager
    def built(cls, number: int) -> Iterator["Home"]:
        """*number* (1-254) is that of no other home on this machine at the same time."""
        outside, public, link = f"198.18.{number}.1", f"198.18.{number}.2", f"home{number}"
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"made\n"
            inside = ("nsenter", f"--net=/proc/{holder.pid}/ns/net", "--")
            _run("ip", "link", "add", link, "type", "veth", "peer", "name", "way-out", "netns", str(holder.pid))
            _run("ip", "address", "add", f"{outside}/30", "dev", link)
            _run("ip", "link", "set", link, "up")
            _run(*inside, "ip", "link", "set", "lo", "up")
            _run(*inside, "ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
            _run(*inside, "ip", "address", "add", f"{public}/30", "dev", "way-out")
            _run(*inside, "ip", "link", "set", "way-out", "up")
            _run(*inside, "ip", "route", "add", "default", "via", outside)
            _run(*inside, "nft", "--file", "-", text=_RULES)
            yield cls(inside, outside, public)
        finally:
            subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True, timeout=_WITHIN_S)
            holder.communicate(
                timeout=_WITHIN_S
            )  # its standard input closes, and with the last process the network ends


def _run(*argv: str, text: str = "") -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=_WITHIN_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")
