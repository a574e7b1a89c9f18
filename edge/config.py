"""`edge.toml` and its environment twins as one frozen tree. The only place that reads the environment.

A setting is `section.key`; `EDGE_SECTION__KEY` in the environment goes before the file. Whatever is wrong (an unknown
key, a value of the wrong kind, settings that contradict each other) is reported at once, with file and line. Secrets
are never here: they are files in `secrets/` of the site folder.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_type_hints
from urllib.parse import SplitResult, urlsplit

from edge.config_values import BadValue, convert, from_environment
from edge.core.settings import CallSettings
from edge.http.settings import HttpSettings
from edge.settings_class import Key, keys_of
from edge.store.settings import StoreSettings
from mqtt.home_assistant.settings import HomeAssistantSettings
from mqtt.settings import MqttSettings
from provisioning.push_settings import DevicesSettings
from provisioning.settings import AutopSettings, DeviceWebSettings, WeatherSettings
from sip.locating import parse_server
from sip.media.settings import MediaSettings
from sip.settings import SipSettings, TrunkSettings

FILE_NAME: Final = "edge.toml"
DEFAULT_TRUNK: Final = "trunk"
PNP_PORT: Final = 5060  # of plug and play, everywhere
_TRUNK_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,31}", re.ASCII)
_TWIN: Final = re.compile(r"EDGE_([A-Z0-9_]+?)__([A-Z0-9_]+)")
_SECTION_LINE: Final = re.compile(r"\s*\[\s*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?)\s*\]")
_KEY_LINE: Final = re.compile(r"\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)?)\s*=")
_LEVEL: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_DISCOVERY_LEVEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PREFIX: Final = re.compile(r"\+?[0-9]{0,15}", re.ASCII)
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}", re.ASCII)
_SHOWN_PHONE: Final = re.compile(r"[^:]{1,64}: ?\+?[0-9][0-9 ()-]{1,30}")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_TOML_POSITION: Final = re.compile(r"^(.*) \(at line (\d+), column \d+\)$")


@dataclass(frozen=True, slots=True)
class CommunitySettings:
    # Folder in the site with recordings that replace ours, 8 kHz mono: nobody.wav, busy.wav, declined.wav, blocked.wav,
    # not_connected.wav, unknown.wav, not_allowed.wav, max_talk.wav
    announcements: str = "announcements"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    certificate: str = ""  # PEM file of the chain, a relative path is inside the site folder; "" = no TLS
    key: str = ""  # PEM file of the private key, readable by the daemon only
    ca: str = ""  # PEM file that devices are given to check us with; "" = the system's authorities


@dataclass(frozen=True, slots=True)
class AccessSettings:
    commit_ms: int = 250  # when the store takes longer than this, doors answer first and the row follows
    # Address asked by GET when a grant names its apartment's web relay action, with {action} for its number; a login
    # (user:password) stands in secrets/web_relay_login; "" = the panels do it
    web_relay_url: str = ""
    web_relay_plain_http: bool = False  # http:// is allowed to a private address too, not to loopback alone


@dataclass(frozen=True, slots=True)
class AppSettings:
    public_url: str = ""  # address at which residents' phones reach this edge; "" = the app is off
    invite_hours: float = 72.0  # how long an invitation waits for its phone
    ice_addresses: tuple[str, ...] = ()  # our addresses for picture and sound of apps; [] = those of [sip] listen
    turn_url: str = ""  # relay for apps outside, turn:host:port or turns:…; its shared secret: secrets/turn_secret
    turn_hours: float = 12.0  # how long an app's TURN credentials hold
    # Hosts of the push services that browsers may be rung through, *.name for all below one
    push_services: tuple[str, ...] = (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "*.push.apple.com",
        "*.notify.windows.com",
    )
    push_contact: str = ""  # where push services may turn to, mailto:… or https://…; "" = public_url
    phones: tuple[str, ...] = ()  # numbers that the app shows to everybody, each as "Caretaker: +371 20000000"
    logo: str = ""  # the community's sign: an SVG, PNG or WebP file inside the site folder, at most 64 KB
    colour: str = ""  # of the app's buttons, "#rrggbb"; "" = its own


@dataclass(frozen=True, slots=True)
class CentralSettings:
    url: str = ""  # the central store, https://…; "" = the one at which the edge was enrolled, if it was
    wait_s: float = 30.0  # how long the central store may hold a question open
    ca: str = ""  # PEM file of the authority behind its certificate, inside the site folder; "" = the system's


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: Literal["debug", "info", "warning", "error"] = "info"  # how much the daemon tells on stderr
    format: Literal["auto", "json", "text"] = "auto"  # auto: text on a terminal, JSON elsewhere


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    access_days: int = 90  # attempts and openings
    calls_days: int = 90  # calls and rings
    audit_days: int = 730  # who changed what
    pictures_h: int = 72  # pictures of visitors
    dormant_days: int = 30  # credentials of an apartment whose service is off


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, checked. Defaults make a site that works."""

    community: CommunitySettings = field(default_factory=CommunitySettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    sip: SipSettings = field(default_factory=SipSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    trunk: TrunkSettings = field(default_factory=TrunkSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    calls: CallSettings = field(default_factory=CallSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    app: AppSettings = field(default_factory=AppSettings)
    central: CentralSettings = field(default_factory=CentralSettings)
    devices: DevicesSettings = field(default_factory=DevicesSettings)
    autop: AutopSettings = field(default_factory=AutopSettings)
    device_web: DeviceWebSettings = field(default_factory=DeviceWebSettings)
    weather: WeatherSettings = field(default_factory=WeatherSettings)
    home_assistant: HomeAssistantSettings = field(default_factory=HomeAssistantSettings)
    log: LogSettings = field(default_factory=LogSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    more_trunks: Mapping[str, TrunkSettings] = field(default_factory=dict)  # sections [trunk.NAME]

    @property
    def trunks(self) -> Mapping[str, TrunkSettings]:
        """All telephone providers by name; the one of [trunk] is called `trunk`. Empty where there is none."""
        default = {DEFAULT_TRUNK: self.trunk} if self.trunk.host else {}
        return {**default, **self.more_trunks}


SECTIONS: Final[Mapping[str, type]] = {
    name: made for name, made in get_type_hints(Config).items() if isinstance(made, type)
}


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """Something wrong in the configuration. *where* is `file:line` or the name of an environment variable."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ConfigError(Exception):
    """The configuration can't be used; *problems* has everything that is wrong with it, in the file's order."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load(file: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in *file* and *environ*. Raises ConfigError; OSError if the file can't be read."""
    return parse(file.read_bytes(), str(file), environ)


def parse(data: bytes, name: str = FILE_NAME, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in *data*, called *name* in messages. Raises ConfigError."""
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError((ConfigProblem(f"{name}:{line}", "is not UTF-8"),)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((_syntax_problem(name, error),)) from error
    return _Reading(name, _lines_of(text)).read(document, environ)


def twin(section: str, key: str) -> str:
    """Name of the environment variable of a setting."""
    return f"EDGE_{section.replace('.', '_')}__{key}".upper()


def _is_trunk_name(name: str) -> bool:
    return _TRUNK_NAME.fullmatch(name) is not None and name != DEFAULT_TRUNK


class _Reading:
    """Collects values, where each comes from, and problems."""

    def __init__(self, name: str, lines: Mapping[str, int]) -> None:
        self._name = name
        self._lines = lines
        self._values: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
        self._trunks: dict[str, dict[str, object]] = {}  # of sections [trunk.NAME]
        self._from_environment: set[str] = set()
        self._refused: set[str] = set()
        self._problems: list[ConfigProblem] = []

    def read(self, document: Mapping[str, object], environ: Mapping[str, str]) -> Config:
        for section, body in document.items():
            if section not in SECTIONS:
                self._problem(section, f"[{section}] is not a section")
            elif not isinstance(body, dict):
                self._problem(section, f"{section} must be a section: [{section}]")
            else:
                for key, value in body.items():
                    if section == DEFAULT_TRUNK and isinstance(value, dict):
                        self._take_trunk(key, value)
                    else:
                        self._take(section, key, value)
        self._read_environment(environ)
        more = {name: TrunkSettings(**values) for name, values in self._trunks.items()}  # type: ignore[arg-type]  # checked
        config = Config(**{name: made(**self._values[name]) for name, made in SECTIONS.items()}, more_trunks=more)
        for setting, message in contradictions(config):
            if setting not in self._refused:
                self._problem(setting, f"{setting} {message}")
        if urlsplit(config.store.url).password and "store.url" not in self._from_environment:
            self._problem("store.url", f"store.url must not hold a password here: set {twin('store', 'url')} instead")
        if self._problems:
            raise ConfigError(tuple(self._problems))
        return config

    def _read_environment(self, environ: Mapping[str, str]) -> None:
        for variable in sorted(environ):
            if not (match := _TWIN.fullmatch(variable)):
                continue
            section, name = (part.lower() for part in match.groups())
            section, settings, into = self._place_of(section)
            setting = f"{section}.{name}"
            self._from_environment.add(setting)
            key = keys_of(settings).get(name) if settings is not None else None
            if key is None or settings is None:
                self._problem(setting, "there is no such setting")
            else:
                self._convert(section, settings, into, name, from_environment(key.type, environ[variable]))

    def _place_of(self, twins: str) -> tuple[str, type | None, dict[str, object]]:
        """The section that *twins*, as in a variable's name, means; its class, None where there is no such section."""
        trunk = twins.removeprefix(f"{DEFAULT_TRUNK}_")
        if twins in SECTIONS or trunk == twins or not _is_trunk_name(trunk):
            return twins, SECTIONS.get(twins), self._values.get(twins, {})
        return f"{DEFAULT_TRUNK}.{trunk}", TrunkSettings, self._trunks.setdefault(trunk, {})

    def _take(self, section: str, name: str, value: object) -> None:
        self._convert(section, SECTIONS[section], self._values[section], name, value)

    def _take_trunk(self, name: str, body: Mapping[str, object]) -> None:
        """A section [trunk.NAME]: the keys of [trunk] once more. Its twins are EDGE_TRUNK_NAME__KEY."""
        section = f"{DEFAULT_TRUNK}.{name}"
        if not _is_trunk_name(name):
            self._problem(section, f"[{section}]: a trunk's name is small letters and digits")
            return
        values = self._trunks[name] = {}
        for key, value in body.items():
            self._convert(section, TrunkSettings, values, key, value)

    def _convert(self, section: str, settings: type, into: dict[str, object], name: str, value: object) -> None:
        setting = f"{section}.{name}"
        key: Key | None = keys_of(settings).get(name)
        if key is None:
            self._problem(setting, f"{name} is not a key of [{section}]")
            return
        try:
            into[name] = convert(name, key.type, value)
        except BadValue as error:
            self._problem(setting, f"{setting} {error}")

    def _problem(self, setting: str, message: str) -> None:
        self._refused.add(setting)
        section, _, key = setting.rpartition(".") if "." in setting else (setting, "", "")
        if setting in self._from_environment:
            where = twin(section, key)
        else:
            line = self._lines.get(setting) or self._lines.get(section)
            where = f"{self._name}:{line}" if line else self._name
        self._problems.append(ConfigProblem(where, message))


def contradictions(config: Config) -> Iterator[tuple[str, str]]:
    """Settings that can't be right together or at all, as (setting, what is wrong with it)."""
    yield from _sip_contradictions(config)
    yield from _mqtt_contradictions(config)
    yield from _home_assistant_contradictions(config.home_assistant)
    yield from _web_relay_contradictions(config.access)
    yield from _autop_contradictions(config)
    yield from _weather_contradictions(config.weather)
    for section in ("sip", "mqtt", "http"):
        for address in getattr(config, section).listen:
            if not _is_address(address):
                yield f"{section}.listen", f"must be IP addresses, {address!r} is none"
    if config.media.port_min and config.media.port_max < config.media.port_min + 8:
        yield "media.port_max", "must be at least port_min + 8: a call needs up to 8 ports"
    if bool(config.tls.certificate) != bool(config.tls.key):
        yield "tls.certificate", "and tls.key belong together: set both or neither"
    if config.calls.ring_time_s == 0 or 0 in config.calls.ring_time_by_stage_s:
        yield "calls.ring_time_s", "and ring_time_by_stage_s must be more than 0"
    if config.calls.max_talk_s == 0:
        yield "calls.max_talk_s", "must be more than 0"
    if config.central.url and not _is_safe_url(config.central.url):
        yield "central.url", "must be https:// (plain http:// only to a loopback address)"
    if config.http.tls and not config.tls.certificate:
        yield "http.tls", "needs tls.certificate and tls.key: `edge tls init` makes them"
    if config.http.public_url and not _is_web_address(config.http.public_url):
        yield "http.public_url", "must look like https://host:port"
    yield from _app_contradictions(config.app)
    if config.http.port and config.http.port in (config.sip.port, config.sip.tls_port):
        yield "http.port", "is taken by SIP"


def _autop_contradictions(config: Config) -> Iterator[tuple[str, str]]:
    for network in config.device_web.networks:
        if not _is_network(network):
            yield "device_web.networks", f"must be networks, {network!r} is none"
    if not 0 < config.device_web.max_minutes <= 24 * 60:
        yield "device_web.max_minutes", "must be more than 0 and at most a day"
    for name, address in (("pnp_address", config.autop.pnp_address), ("mdns_address", config.autop.mdns_address)):
        if address and (not _is_address(address) or ":" in address or ipaddress.ip_address(address).is_unspecified):
            yield f"autop.{name}", f"must be an IPv4 address of this box, {address!r} is none"
        elif address and not config.http.enabled:
            yield f"autop.{name}", "leads devices to the HTTP server, which is not enabled"
    if config.autop.pnp_address and config.sip.port == PNP_PORT and "0.0.0.0" in config.sip.listen:  # noqa: S104
        yield "autop.pnp_address", f"needs [sip] listen to name addresses: any address takes port {PNP_PORT} for itself"


def _weather_contradictions(weather: WeatherSettings) -> Iterator[tuple[str, str]]:
    if weather.file and weather.url:
        yield "weather.url", "and weather.file are two sources: set one"
    if weather.url and not _is_safe_url(weather.url):
        yield "weather.url", "must be https:// (plain http:// only to a loopback address)"
    if weather.every_min <= 0 or weather.max_age_min <= 0:
        yield "weather.every_min", "and max_age_min must be more than 0"


def _app_contradictions(app: AppSettings) -> Iterator[tuple[str, str]]:
    if app.public_url and not _is_web_address(app.public_url):
        yield "app.public_url", "must look like https://host:port"
    if not 0 < app.invite_hours <= 8784:
        yield "app.invite_hours", "must be more than 0 and at most a year"
    if not 0 < app.turn_hours <= 168:
        yield "app.turn_hours", "must be more than 0 and at most a week"
    for address in app.ice_addresses:
        if not _is_address(address):
            yield "app.ice_addresses", f"must be IP addresses, {address!r} is none"
    if app.turn_url and not re.fullmatch(r"turns?:[A-Za-z0-9.:\[\]-]{1,255}(\?transport=(udp|tcp))?", app.turn_url):
        yield "app.turn_url", "must look like turn:host:port"
    for phone in app.phones:
        if not _SHOWN_PHONE.fullmatch(phone):
            yield "app.phones", f"must be like 'Caretaker: +371 20000000', {phone!r} is not"
    if app.logo and not app.logo.lower().endswith((".svg", ".png", ".webp")):
        yield "app.logo", "must be an SVG, PNG or WebP file"
    if app.colour and not _COLOUR.fullmatch(app.colour):
        yield "app.colour", "must look like #204a87"
    if app.push_contact and not app.push_contact.startswith(("mailto:", "https://")):
        yield "app.push_contact", "must begin with mailto: or https://"


def _web_relay_contradictions(access: AccessSettings) -> Iterator[tuple[str, str]]:
    if not access.web_relay_url:
        return
    url = _split(access.web_relay_url)
    if url is None or url.scheme not in ("http", "https") or not url.hostname:
        yield "access.web_relay_url", "must look like https://host/path?action={action}"
        return
    if "{action}" not in f"{url.path}?{url.query}":
        yield "access.web_relay_url", "must hold {action} in its path or query"
    if url.username or url.password:
        yield "access.web_relay_url", "must not hold a login: put user:password in secrets/web_relay_login"
    if url.scheme == "http" and not _is_near(url.hostname, private_too=access.web_relay_plain_http):
        yield (
            "access.web_relay_url",
            "must be https:// (plain http:// only to loopback, or to a private address with web_relay_plain_http)",
        )


def _is_near(host: str, *, private_too: bool) -> bool:
    """Whether *host* is loopback, or a private address. A name other than localhost may point anywhere."""
    if host == "localhost":
        return True
    address = ipaddress.ip_address(host) if _is_address(host) else None
    return address is not None and (address.is_loopback or (private_too and address.is_private))


def _sip_contradictions(config: Config) -> Iterator[tuple[str, str]]:
    sip = config.sip
    if not sip.listen:
        yield "sip.listen", "must name an address"
    if not sip.digest:
        yield "sip.digest", "must name SHA-256, MD5 or both"
    if sip.port and sip.port == sip.tls_port:
        yield "sip.tls_port", "is the same as sip.port"
    if sip.min_expires_s > sip.max_expires_s:
        yield "sip.max_expires_s", "is less than min_expires_s"
    for network in sip.trusted_sources:
        if not _is_network(network):
            yield "sip.trusted_sources", f"must be addresses or networks, {network!r} is none"
    for server in sip.dns_servers:
        if not _is_dns_server(server):
            yield "sip.dns_servers", f"must be addresses, or address:port, {server!r} is neither"
    yield from _trunk_contradictions("trunk", config.trunk)
    for name, trunk in config.more_trunks.items():
        section = f"trunk.{name}"
        yield from _trunk_contradictions(section, trunk)
        if not trunk.host:
            yield f"{section}.host", "is missing"
        if not trunk.prefixes:
            yield f"{section}.prefixes", "are missing: numbers without a prefix go by [trunk]"


def _trunk_contradictions(section: str, trunk: TrunkSettings) -> Iterator[tuple[str, str]]:
    if trunk.user and not trunk.host:
        yield f"{section}.host", f"is missing: {section}.user is set"
    if trunk.register and not (trunk.host and trunk.user):
        yield f"{section}.register", f"needs {section}.host and {section}.user"
    if not all(map(_PREFIX.fullmatch, trunk.prefixes)):
        yield f"{section}.prefixes", 'must be beginnings of numbers, for example "+49" or "112"'
    if trunk.number and not _NUMBER.fullmatch(trunk.number):
        yield f"{section}.number", "must be a telephone number, digits with or without +"


def _mqtt_contradictions(config: Config) -> Iterator[tuple[str, str]]:
    mqtt = config.mqtt
    if mqtt.broker == "external" and urlsplit(mqtt.url).scheme not in ("mqtt", "mqtts"):
        yield "mqtt.url", "must be mqtt://… or mqtts://… of the external broker"
    if mqtt.broker != "external" and mqtt.url:
        yield "mqtt.url", 'is of an external broker, but mqtt.broker is not "external"'
    if urlsplit(mqtt.url).password:
        yield "mqtt.url", "must not hold a password: put it in secrets/mqtt_password"
    if mqtt.port and mqtt.port == mqtt.tls_port:
        yield "mqtt.tls_port", "is the same as mqtt.port"
    if not mqtt.prefix or set("+#/$") & set(mqtt.prefix):
        yield "mqtt.prefix", "must be one topic level, without + # / $"


def _home_assistant_contradictions(settings: HomeAssistantSettings) -> Iterator[tuple[str, str]]:
    url = _split(settings.url)
    if settings.url and (url is None or url.scheme not in ("mqtt", "mqtts") or not url.hostname):
        yield "home_assistant.url", "must be mqtt://… or mqtts://… of Home Assistant's broker"
    elif url is not None and (url.username or url.password):
        yield "home_assistant.url", "must not hold a login: put user:password in secrets/home_assistant_password"
    if settings.prefix and not settings.url:
        yield "home_assistant.prefix", "is for the broker of home_assistant.url, which is not set"
    if settings.prefix and not _LEVEL.fullmatch(settings.prefix):
        yield "home_assistant.prefix", "must be one topic level of letters, digits, '-', '_' and '.'"
    if not all(map(_DISCOVERY_LEVEL.fullmatch, settings.discovery_prefix.split("/"))):
        yield "home_assistant.discovery_prefix", "must be topic levels of letters, digits, '-' and '_'"


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:  # half an IPv6 address
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_dns_server(text: str) -> bool:
    try:
        parse_server(text)
    except ValueError:
        return False
    return True


def _is_web_address(url: str) -> bool:
    """Scheme, host and port, and nothing that would stand in the way of a path behind it."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    return not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))


def _is_safe_url(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    loopback = host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))


def _syntax_problem(name: str, error: tomllib.TOMLDecodeError) -> ConfigProblem:
    match = _TOML_POSITION.match(str(error))
    return ConfigProblem(f"{name}:{match[2]}", match[1]) if match else ConfigProblem(name, str(error))


def _lines_of(text: str) -> dict[str, int]:
    """Line numbers of sections and of their keys, `section` and `section.key`; the TOML reader knows none.

    A key inside a multi-line string would be taken for one; the line is a help for people only.
    """
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _SECTION_LINE.match(line):
            section = header[1]
            lines.setdefault(section, number)
        elif key := _KEY_LINE.match(line):
            name = "".join(key[1].split())
            lines.setdefault(f"{section}.{name}" if section else name, number)
    return lines
