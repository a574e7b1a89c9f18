"""The box's own certificates: an authority that devices are given to check us with, and what it signs for us."""

import datetime
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomlkit
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.admin.site import Site, SiteError
from edge.config import FILE_NAME

CA_FILE: Final = "tls/ca.pem"
CERTIFICATE_FILE: Final = "tls/edge.pem"
CA_KEY: Final = "tls_ca.key"  # in secrets/
KEY: Final = "tls.key"
CA_YEARS: Final = 20  # as long as a door phone hangs on its wall: an authority is not replaced on the devices
DAYS: Final = 820  # iPhones refuse a server's certificate of more than 825 days, whoever signed it
RENEW_BEFORE_DAYS: Final = 90
_BACKDATED: Final = datetime.timedelta(days=1)  # devices' clocks are not ours
_ELSEWHERE: Final = {socket.AF_INET: "198.51.100.1", socket.AF_INET6: "2001:db8::1"}  # only the route is asked for


@dataclass(frozen=True, slots=True)
class Made:
    """What `make` wrote, and what the certificate is for."""

    ca: Path
    certificate: Path
    names: tuple[str, ...]
    until: datetime.datetime
    new_authority: bool


def make(site: Site, names: Sequence[str], now: datetime.datetime) -> Made:
    """Sign a certificate for *names* (DNS names, IP addresses; none: those so far) and the addresses we listen on.

    The authority is made once and used ever after. Keys are in ``secrets/``, for the owner only; `edge.toml` is told
    where the files are. Raises SiteError where somebody else's certificate is configured, SecretsError, OSError.
    """
    configured = site.config.tls.certificate
    if configured and configured != CERTIFICATE_FILE:
        raise SiteError(f"tls.certificate names {configured} already; take it out of {FILE_NAME} first")
    (site.folder / "tls").mkdir(mode=0o755, exist_ok=True)
    stored = site.secrets.text(CA_KEY)
    authority = _authority(site, now) if stored is None else _stored_authority(site, stored)
    wanted = tuple(dict.fromkeys([*(names or _names_so_far(site)), *_own_addresses(site)]))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(authority, key, wanted, now)
    site.secrets.write_text(KEY, _pem_of_key(key))
    _write(site.folder / CERTIFICATE_FILE, certificate)
    _configure(site.folder / FILE_NAME)
    until = certificate.not_valid_after_utc
    return Made(site.folder / CA_FILE, site.folder / CERTIFICATE_FILE, wanted, until, stored is None)


def renew_if_due(site: Site, now: datetime.datetime) -> Made | None:
    """`make` for the same names where the house's own certificate ends within `RENEW_BEFORE_DAYS`; None: not yet.

    A certificate from elsewhere is its owner's. Raises as `make`.
    """
    if site.config.tls.certificate != CERTIFICATE_FILE:
        return None
    try:
        present = x509.load_pem_x509_certificate((site.folder / CERTIFICATE_FILE).read_bytes())
    except ValueError as error:
        raise SiteError(f"{CERTIFICATE_FILE} is damaged: {error}") from error
    if present.not_valid_after_utc - now > datetime.timedelta(days=RENEW_BEFORE_DAYS):
        return None
    return make(site, (), now)


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _authority(site: Site, now: datetime.datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own for each box: devices that know two boxes must not mix up their authorities.
    serial = x509.random_serial_number()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"intercom-edge authority {serial:x}"[:64])])
    certificate = (
        _builder(subject, subject, key, serial, now, 365 * CA_YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    site.secrets.write_text(CA_KEY, _pem_of_key(key))
    _write(site.folder / CA_FILE, certificate)
    return _Authority(certificate, key)


def _stored_authority(site: Site, stored: str) -> _Authority:
    try:
        key = serialization.load_pem_private_key(stored.encode(), None)
        certificate = x509.load_pem_x509_certificate((site.folder / CA_FILE).read_bytes())
    except ValueError as error:
        raise SiteError(f"secrets/{CA_KEY} or {CA_FILE} is damaged: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise SiteError(f"secrets/{CA_KEY} is not the key of {CA_FILE}")
    return _Authority(certificate, key)


def _names_so_far(site: Site) -> list[str]:
    """What the present certificate is for; nothing where there is none that can be read."""
    try:
        present = x509.load_pem_x509_certificate((site.folder / CERTIFICATE_FILE).read_bytes())
        names = present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _sign(
    authority: _Authority, key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    return (
        _builder(subject, authority.certificate.subject, key, x509.random_serial_number(), now, DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )  # fmt: skip


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    serial: int,
    now: datetime.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(**what: bool) -> x509.KeyUsage:
    all_of_them = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{one: what.get(one, False) for one in all_of_them})


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _own_addresses(site: Site) -> Iterable[str]:
    """The addresses under which devices reach SIP and MQTT, and this machine's loopback."""
    for address in (*site.config.sip.listen, *site.config.mqtt.listen):
        parsed = ipaddress.ip_address(address)
        if not parsed.is_unspecified:
            yield address
        elif (found := _towards(socket.AF_INET if parsed.version == 4 else socket.AF_INET6)) is not None:
            yield found
    yield from ("127.0.0.1", "::1")


def _towards(family: socket.AddressFamily) -> str | None:
    """Our address on the way out; None where there is no way. Nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ELSEWHERE[family], 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    return pem.decode()


def _write(file: Path, certificate: x509.Certificate) -> None:
    """All or nothing: the daemon may be reading."""
    draft = file.with_suffix(".new")
    draft.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    draft.replace(file)


def _configure(file: Path) -> None:
    """Name the files in `edge.toml`, its comments kept."""
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    section = document.setdefault("tls", tomlkit.table())
    wanted = {"certificate": CERTIFICATE_FILE, "key": f"secrets/{KEY}", "ca": CA_FILE}
    if all(section.get(name) == value for name, value in wanted.items()):
        return
    section.update(wanted)
    draft = file.with_suffix(".toml.new")
    draft.write_text(tomlkit.dumps(document), encoding="utf-8")
    draft.chmod(file.stat().st_mode & 0o777)
    draft.replace(file)
