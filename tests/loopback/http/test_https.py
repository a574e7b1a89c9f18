"""HTTPS by the house's own certificate, and by the next one without a restart."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge.demo.site import Site

WITHIN_S = 20.0


async def shown(host: str, port: int) -> str:
    return await asyncio.to_thread(ssl.get_server_certificate, (host, port), timeout=WITHIN_S)


async def test_the_server_speaks_https_by_the_houses_certificate_and_takes_the_next_one(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    address = next(addresses)
    site = await Site(tmp_path / "site", address).init(settings={"mqtt": {"broker": "embedded"}})
    told = await site.edge("tls", "init")
    site.configure({"http": {"tls": True, "port": 0}})
    async with site.daemon(tmp_path / "serve.log"):
        http = (await site.edge("status"))["http"]
        assert http["tls"]
        url = f"https://{http['host']}:{http['port']}/healthz"
        trusted = ssl.create_default_context(cafile=str(site.folder / "tls" / "ca.pem"))
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as web:
            assert (await web.get(url)).json() == {"ok": True}
            page = await web.get(url.replace("healthz", "trust"))
            given = await web.get(url.replace("healthz", "trust/house.crt"))
        assert told["fingerprint"] in page.text
        assert "'unsafe-inline'" not in page.headers["content-security-policy"]
        assert given.headers["content-type"] == "application/x-x509-ca-cert"
        assert given.text == (site.folder / "tls" / "ca.pem").read_text()
        async with httpx.AsyncClient(trust_env=False) as stranger:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await stranger.get(url)
            with pytest.raises(httpx.TransportError):
                await stranger.get(url.replace("https", "http"))
        before = await shown(http["host"], http["port"])
        await site.edge("tls", "init")
        async with asyncio.timeout(WITHIN_S):
            while await shown(http["host"], http["port"]) == before:
                continue  # the daemon looks at its files every five seconds
