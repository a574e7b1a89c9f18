"""A provider that is reached by TLS: its certificate has to carry the name that is configured (RFC 5922)."""

import datetime
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from models.call import CallOutcome, LegState
from sip.message import Request
from sip.names import Names
from sip.server_tx import ServerTx
from sip.settings import SipSettings, TrunkSettings
from tests.fakes.b2bua import DOOR, LANDLINE, plan, sdp
from tests.fakes.calling_house import CallingHouse
from tests.fakes.dns_server import DnsServer
from tests.fakes.sip_service import Running
from tests.loopback.sip_call.test_own_phones import own_phone

NAME = "sip.provider.test"


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "provider.pem", folder / "provider.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


class Provider:
    """Answers every call, and remembers what it was asked."""

    def __init__(self, service: Running) -> None:
        self.requests: list[Request] = []
        self._service = service
        service.endpoint.vouch = lambda _request, _flow: "anybody"
        for method in ("INVITE", "BYE"):
            service.endpoint.handle(method, self._take)
        service.endpoint.dialogs = self

    def flow_of(self, request: Request):
        """`sip.endpoint.Dialogs`: every dialog is known here."""
        return self._last.flow

    def _take(self, tx: ServerTx) -> None:
        self._last = tx
        self.requests.append(tx.request)
        response = tx.response(200)
        if tx.request.method == "INVITE":
            response.headers.set("Contact", f"<sip:far@{NAME}:{self.port};transport=tls>")
            response.headers.set("Content-Type", "application/sdp")
            response.body = sdp(self.host)
        tx.respond(response)

    @property
    def host(self) -> str:
        return self._service.service.listening.tls[0].rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self._service.service.listening.tls[0].rpartition(":")[2])


@asynccontextmanager
async def called(folder: Path, addresses: Iterator[str], name: str) -> AsyncIterator[tuple[CallingHouse, Provider]]:
    """A door has called a telephone; the provider's certificate is for *name*, whatever its server is called in DNS."""
    chain, secret = certificate_for(name, folder)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain, secret)
    client = ssl.create_default_context(cafile=str(chain))
    far = SipSettings(listen=(next(addresses),), port=0, tls_port=0)
    async with Running(far, tls=server) as service:
        provider = Provider(service)
        records = {
            f"{NAME} NAPTR": (
                "60",
                f'1 1 "s" "SIPS+D2T" "" _sips._tcp.{NAME}.',
                f'2 1 "s" "SIP+D2U" "" _sip._udp.{NAME}.',
            ),
            f"_sips._tcp.{NAME} SRV": ("60", f"1 1 {provider.port} sbc7.hosting.test."),
            f"_sip._udp.{NAME} SRV": ("60", "1 1 5060 sbc7.hosting.test."),
            "sbc7.hosting.test A": ("60", provider.host),
        }
        ip = next(addresses)
        async with (
            DnsServer(next(addresses), records) as dns,
            CallingHouse(
                ip,
                (DOOR,),
                plan([LANDLINE]),
                TrunkSettings(host=NAME, user="house"),
                client_tls=client,
                resolver=Names([dns.address]),
            ) as house,
            own_phone(house, next(addresses), DOOR) as door,
        ):
            assert house.trunk is not None
            await house.until(lambda: house.trunk is not None and house.trunk.up)
            await door.registered()
            door.call(f"sip:101@{house.server}")
            await house.until(lambda: house.desk.records and house.desk.record.status)
            yield house, provider
            door.hang_up()
            await house.over()


async def test_a_call_goes_to_a_provider_whose_certificate_has_its_name(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with called(tmp_path, addresses, NAME) as (house, provider):
        invite = provider.requests[0]
        assert invite.via.transport == "TLS"
        assert invite.contact.sip.param("transport") == "tls"
        assert house.desk.record.status == 200
    assert [request.method for request in provider.requests] == ["INVITE", "BYE"]
    assert house.desk.record.outcome is CallOutcome.ANSWERED


@pytest.mark.parametrize("name", ["sip.other.test", "provider.test"])
async def test_a_provider_with_another_name_in_its_certificate_gets_no_call(
    tmp_path: Path, addresses: Iterator[str], name: str
) -> None:
    async with called(tmp_path, addresses, name) as (house, provider):
        assert provider.requests == []
        assert house.desk.record.legs[0].state is LegState.FAILED
        assert house.endpoint.counters["connects_failed"] == 1  # and nothing was tried without TLS
