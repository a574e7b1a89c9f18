"""Devices find us by themselves: by SIP multicast and by mDNS; they are let in while an installer says so."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from edge.demo.site import Site
from edge.fleet.pnp import GROUP, PORT
from tests.peers.site import Running

GATE, HALL, STRANGER = "0c1105d20001", "0c1105d20002", "0c1105d20099"
FILE: Final = f"{GATE.upper()}.cfg"
WITHIN_S: Final = 20.0


@pytest.fixture
async def running(tmp_path: Path, addresses: Iterator[str]) -> AsyncIterator[Running]:
    site = Site(tmp_path / "site", next(addresses))
    found = {"pnp_address": site.address, "mdns_address": site.address}
    await site.init("--name", f"House {site.address}", settings={"mqtt": {"broker": "embedded"}, "autop": found})
    await site.edge("mac", "add", GATE, HALL)
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    async with site.daemon(tmp_path / "serve.log") as daemon:
        yield Running(site, daemon)


class Asking(asyncio.DatagramProtocol):
    """A device that asks the group, as RFC 6665 writes it, and hears what comes back."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)

    @classmethod
    async def at(cls, ip: str) -> "tuple[Asking, asyncio.DatagramTransport]":
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind((ip, 0))
        bound.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ip))
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(cls, sock=bound)
        return protocol, transport


def subscribe(mac: str, ip: str, port: int) -> bytes:
    user = f"sip:MAC%3a{mac}@{GROUP}"
    return (
        f"SUBSCRIBE {user} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{port};branch=z9hG4bK{mac};rport\r\n"
        f"From: <{user}>;tag=1\r\nTo: <{user}>\r\nCall-ID: {mac}@{ip}\r\nCSeq: 1 SUBSCRIBE\r\n"
        f"Contact: <sip:{ip}:{port}>\r\nMax-Forwards: 70\r\n"
        "Event: ua-profile\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def url_of(running: Running) -> str:
    return str((await running.edge("autop", "dhcp"))["url"])


async def test_a_new_device_asks_the_group_fetches_and_is_the_only_one(
    running: Running, addresses: Iterator[str]
) -> None:
    ip, there = next(addresses), (GROUP, PORT)
    device, transport = await Asking.at(ip)
    port = int(transport.get_extra_info("sockname")[1])
    async with asyncio.timeout(WITHIN_S), httpx.AsyncClient(trust_env=False) as web:
        answer, notify = await told_at_last(device, transport, subscribe(GATE, ip, port))
        transport.sendto(subscribe(STRANGER, ip, port), there)
        transport.sendto(subscribe(HALL, ip, port), there)  # in the library, but no device yet
        assert answer.startswith(b"SIP/2.0 200 ")
        assert notify.startswith(b"NOTIFY ")
        url = notify.partition(b"\r\n\r\n")[2].decode()
        assert url == await url_of(running)
        assert f"Call-ID: {GATE}@".encode() in notify
        assert (await web.get(url + FILE)).status_code == 401, "to know the URL is not enough"
        await running.edge("autop", "open", GATE)
        first = await web.get(url + FILE)
        assert first.status_code == 200
        assert "Config.Account1.GENERAL.Pwd" in first.text
        elsewhere = httpx.AsyncHTTPTransport(local_address=next(addresses))
        async with httpx.AsyncClient(transport=elsewhere) as another:
            assert (await another.get(url + FILE)).status_code == 401, "the first address has it"
        assert (await web.get(f"{url}t/open/{GATE}/{FILE}")).status_code == 401, "it is no token in an URL"
        told = await refused(running, {STRANGER, HALL})
    transport.close()
    assert told[STRANGER] == "no device of this site has this MAC"


async def told_at_last(device: Asking, transport: asyncio.DatagramTransport, question: bytes) -> list[bytes]:
    """A device asks until it is answered: nobody on the other side waits for it to be plugged in."""
    while True:
        transport.sendto(question, (GROUP, PORT))
        try:
            async with asyncio.timeout(1):
                return [await device.heard.get(), await device.heard.get()]
        except TimeoutError:
            continue


async def refused(running: Running, macs: set[str]) -> dict[str, str]:
    """The lines of *macs* in the log, once there is one of each."""
    while True:
        rows = [row["detail"] for row in await running.site.log("--kind", "device")]
        told = {row["mac"]: row["why"] for row in rows if row.get("type") == "fetch_refused"}
        if macs <= set(told):
            return told
        await asyncio.sleep(0.1)


async def test_the_server_is_found_by_mdns(running: Running, addresses: Iterator[str]) -> None:
    browser = AsyncZeroconf(interfaces=[next(addresses)], ip_version=IPVersion.V4Only)
    names: asyncio.Queue[str] = asyncio.Queue()

    def seen(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        names.put_nowait(name)

    kind, ours = "_http._tcp.local.", running.site.address.replace(".", " ")
    looking = AsyncServiceBrowser(browser.zeroconf, kind, handlers=[seen])
    try:
        async with asyncio.timeout(WITHIN_S):
            while ours not in (name := await names.get()):
                continue
        info = await browser.async_get_service_info(kind, name)
    finally:
        await looking.async_cancel()
        await browser.async_close()
    assert info is not None
    assert info.parsed_addresses() == [running.site.address]
    assert info.properties[b"provision"] == (await url_of(running)).encode()
