"""The watch over the whole run finds what is malformed, and only with those whom it judges."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.demo.site import Site
from edge.phone.events import NotSeen
from tests.fakes.sip import request
from tests.peers import sipwatch

pytestmark = pytest.mark.peer("tshark")


def sends(data: bytes, sender: str, receiver: str) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.bind((sender, 5060))
        there.bind((receiver, 5060))
        here.sendto(data, (receiver, 5060))
        assert there.recv(65535) == data


@pytest.mark.parametrize("spoilt", [False, True])
def test_it_judges_what_a_daemon_sent(
    tmp_path: Path, addresses: Iterator[str], monkeypatch: pytest.MonkeyPatch, spoilt: bool
) -> None:
    daemon, other = next(addresses), next(addresses)
    monkeypatch.setattr(sipwatch, "SPEAKERS", {daemon})
    good = request("OPTIONS", "sip:edge").render()
    bad = good.replace(b"Call-ID:", b"Call-ID")
    expected = pytest.raises(AssertionError, match="malformed SIP") if spoilt else contextlib.nullcontext()
    with expected, sipwatch.whole_run(tmp_path, f"{daemon}/32"):
        sends(bad if spoilt else good, daemon, other)
        sends(bad, other, daemon)


async def test_every_daemon_is_judged_however_it_was_started(
    tmp_path: Path, addresses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sipwatch, "SPEAKERS", set())
    no_site = Site(tmp_path / "site", next(addresses))  # nothing is there: its daemon ends at once
    with sipwatch.every_daemon(), pytest.raises(NotSeen):
        await no_site.daemon(tmp_path / "serve.log").start()
    assert {no_site.address} == sipwatch.SPEAKERS
