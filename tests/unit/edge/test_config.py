"""`edge.toml`: everything that is wrong is told at once, with its line."""

import dataclasses
from pathlib import Path

import pytest

from edge.config import SECTIONS, Config, ConfigError, load, parse, twin
from edge.config_file import generate, toml_value
from edge.settings_class import keys_of

EXAMPLE = Path(__file__).parents[3] / "configs" / "edge.example.toml"


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        parse(text.encode(), environ=environ or {})
    return [str(problem) for problem in refused.value.problems]


def all_set() -> str:
    """The generated file with every key taken out of its comment."""
    keys = {f"{section}.{key}": k.default for section, made in SECTIONS.items() for key, k in keys_of(made).items()}
    return generate(keys)


def test_an_empty_file_is_the_defaults():
    assert parse(b"", environ={}) == Config()


def test_the_example_is_what_init_writes():
    assert EXAMPLE.read_text() == generate()
    assert load(EXAMPLE, {}) == Config()


def test_every_default_can_be_written_and_read_back():
    assert parse(all_set().encode(), environ={}) == Config()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_has_a_comment(section):
    assert all(key.comment for key in keys_of(SECTIONS[section]).values())


def test_the_environment_goes_before_the_file():
    config = parse(
        b'[sip]\nport = 5070\nlisten = "127.0.0.1"',
        environ={"EDGE_SIP__PORT": "0", "EDGE_SIP__DIGEST": "MD5", "EDGE_CALLS__RING_TIME_BY_STAGE_S": "[3, 4.5]"},
    )
    assert (config.sip.port, config.sip.listen, config.sip.digest) == (0, ("127.0.0.1",), ("MD5",))
    assert config.calls.ring_time_by_stage_s == (3.0, 4.5)
    assert [config.calls.ring_s(stage) for stage in range(3)] == [3.0, 4.5, 20.0]


def test_a_password_of_the_store_comes_by_the_environment():
    config = parse(b"", environ={"EDGE_STORE__URL": "postgresql://u:p@h/d"})
    assert config.store.url == "postgresql://u:p@h/d"


def test_variables_of_other_programs_are_left_alone():
    assert parse(b"", environ={"EDGE_SITE": "/srv/x", "KNOWLEDGE_SIP__PORT": "1"}) == Config()


def test_everything_wrong_is_told_at_once():
    text = 'a = 1\n[sip]\nport = "x"\nfoo = 1\n[[cats]]\n[mqtt]\nport = 8883\n[zz]\n[trunk]\nregister = true\n'
    assert problems(text, {"EDGE_HTTP__PORT": "70000", "EDGE_Q__W": "1"}) == [
        "edge.toml:1: [a] is not a section",
        "edge.toml:3: sip.port needs a whole number",
        "edge.toml:4: foo is not a key of [sip]",
        "edge.toml: [cats] is not a section",
        "edge.toml:8: [zz] is not a section",
        "EDGE_HTTP__PORT: http.port must be a port, 0 to 65535",
        "EDGE_Q__W: there is no such setting",
        "edge.toml:10: trunk.register needs trunk.host and trunk.user",
        "edge.toml:6: mqtt.tls_port is the same as mqtt.port",
    ]


WRONG = [
    ("[sip\nport = 1", "edge.toml:1: Expected ']' at the end of a table declaration"),
    ("sip = 5", "edge.toml:1: sip must be a section: [sip]"),
    ("[sip]\ndigest_fallback = 1", "edge.toml:2: sip.digest_fallback needs true or false"),
    ("[sip]\nport = true", "edge.toml:2: sip.port needs a whole number"),
    ("[sip]\nlisten = [1]", "edge.toml:2: sip.listen needs text in quotes"),
    ('[sip]\nlisten = ["door.example"]', "edge.toml:2: sip.listen must be IP addresses, 'door.example' is none"),
    ("[sip]\nlisten = []", "edge.toml:2: sip.listen must name an address"),
    ('[sip]\ndigest = ["SHA-1"]', "edge.toml:2: sip.digest must be one of SHA-256, MD5"),
    (
        '[sip]\ntrusted_sources = ["x/y"]',
        "edge.toml:2: sip.trusted_sources must be addresses or networks, 'x/y' is none",
    ),
    ("[sip]\nmin_expires_s = 4000", "edge.toml:1: sip.max_expires_s is less than min_expires_s"),
    ("[calls]\nring_time_s = nan", "edge.toml:2: calls.ring_time_s must be finite"),
    ("[calls]\nmax_talk_s = -1", "edge.toml:2: calls.max_talk_s must not be negative"),
    ("[calls]\nring_time_s = 0", "edge.toml:2: calls.ring_time_s and ring_time_by_stage_s must be more than 0"),
    (
        "[media]\nport_min = 40000",
        "edge.toml:1: media.port_max must be at least port_min + 8: a call needs up to 8 ports",
    ),
    ('[mqtt]\nbroker = "external"', "edge.toml:1: mqtt.url must be mqtt://… or mqtts://… of the external broker"),
    ('[mqtt]\nurl = "mqtt://h"', 'edge.toml:2: mqtt.url is of an external broker, but mqtt.broker is not "external"'),
    (
        '[mqtt]\nbroker = "external"\nurl = "mqtt://u:p@h"',
        "edge.toml:3: mqtt.url must not hold a password: put it in secrets/mqtt_password",
    ),
    (
        '[store]\nurl = "postgresql://u:p@h/d"',
        "edge.toml:2: store.url must not hold a password here: set EDGE_STORE__URL instead",
    ),
    ('[mqtt]\nprefix = "a/b"', "edge.toml:2: mqtt.prefix must be one topic level, without + # / $"),
    ('[tls]\nkey = "k.pem"', "edge.toml:1: tls.certificate and tls.key belong together: set both or neither"),
    ('[trunk]\nuser = "u"', "edge.toml:1: trunk.host is missing: trunk.user is set"),
    (
        '[trunk]\nhost = "h"\nnumber = "me"',
        "edge.toml:3: trunk.number must be a telephone number, digits with or without +",
    ),
    (
        '[trunk.berlin]\nprefixes = ["+4930"]\nuser = "u"',
        "edge.toml:1: trunk.berlin.host is missing: trunk.berlin.user is set",
    ),
    (
        '[trunk.berlin]\nhost = "h"',
        "edge.toml:1: trunk.berlin.prefixes are missing: numbers without a prefix go by [trunk]",
    ),
    (
        '[trunk.berlin]\nhost = "h"\nprefixes = "Berlin"',
        'edge.toml:3: trunk.berlin.prefixes must be beginnings of numbers, for example "+49" or "112"',
    ),
    ('[trunk.berlin]\nhost = "h"\nprefixes = ["+49"]\nspeed = 1', "edge.toml:4: speed is not a key of [trunk.berlin]"),
    ('[trunk.Berlin]\nhost = "h"', "edge.toml:1: [trunk.Berlin]: a trunk's name is small letters and digits"),
    (
        '[central]\nurl = "http://x"',
        "edge.toml:2: central.url must be https:// (plain http:// only to a loopback address)",
    ),
    (
        '[home_assistant]\nurl = "http://h"',
        "edge.toml:2: home_assistant.url must be mqtt://… or mqtts://… of Home Assistant's broker",
    ),
    (
        '[home_assistant]\nurl = "mqtt://[::1"',
        "edge.toml:2: home_assistant.url must be mqtt://… or mqtts://… of Home Assistant's broker",
    ),
    (
        '[home_assistant]\nurl = "mqtt://u:p@h"',
        "edge.toml:2: home_assistant.url must not hold a login: put user:password in secrets/home_assistant_password",
    ),
    (
        '[home_assistant]\nprefix = "doors"',
        "edge.toml:2: home_assistant.prefix is for the broker of home_assistant.url, which is not set",
    ),
    (
        '[home_assistant]\nurl = "mqtt://h"\nprefix = "a/b"',
        "edge.toml:3: home_assistant.prefix must be one topic level of letters, digits, '-', '_' and '.'",
    ),
    (
        '[home_assistant]\ndiscovery_prefix = "a/#"',
        "edge.toml:2: home_assistant.discovery_prefix must be topic levels of letters, digits, '-' and '_'",
    ),
    (
        '[weather]\nurl = "http://192.0.2.1/now"',
        "edge.toml:2: weather.url must be https:// (plain http:// only to a loopback address)",
    ),
    (
        '[device_web]\nnetworks = ["house"]',
        "edge.toml:2: device_web.networks must be networks, 'house' is none",
    ),
    (
        '[autop]\npnp_address = "192.0.2.1"',
        "edge.toml:2: autop.pnp_address needs [sip] listen to name addresses: any address takes port 5060 for itself",
    ),
    (
        '[autop]\nmdns_address = "house"',
        "edge.toml:2: autop.mdns_address must be an IPv4 address of this box, 'house' is none",
    ),
    ("[http]\nport = 5060", "edge.toml:2: http.port is taken by SIP"),
    (
        '[sip]\ndns_servers = "dns.google"',
        "edge.toml:2: sip.dns_servers must be addresses, or address:port, 'dns.google' is neither",
    ),
    ("[http]\ntls = true", "edge.toml:2: http.tls needs tls.certificate and tls.key: `edge tls init` makes them"),
    ('[http]\npublic_url = "edge.example"', "edge.toml:2: http.public_url must look like https://host:port"),
    (
        '[http]\npublic_url = "https://a:b@edge.example"',
        "edge.toml:2: http.public_url must look like https://host:port",
    ),
    ('[http]\npublic_url = "https://edge.example/x"', "edge.toml:2: http.public_url must look like https://host:port"),
    ('[app]\npublic_url = "a\\u0007"', "edge.toml:2: app.public_url must not contain control characters"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_setting_is_told_with_its_line(text, message):
    assert message in problems(text)


def test_bytes_that_are_not_utf8_are_told_with_their_line():
    with pytest.raises(ConfigError, match=r"edge\.toml:2: is not UTF-8"):
        parse(b"[sip]\n# \xff\n", environ={})


def test_a_changed_key_stands_uncommented_in_the_generated_file():
    text = generate({"sip.port": 5070, "http.listen": ("127.0.0.1",)})
    assert "\nport = 5070\n" in text
    assert parse(text.encode(), environ={}).sip.port == 5070


def test_text_survives_toml():
    awkward = 'a"b\\c\x07é'
    written = f"[tls]\nca = {toml_value(awkward[:5] + 'é')}"
    assert parse(written.encode(), environ={}).tls.ca == 'a"b\\cé'
    assert toml_value(awkward) == '"a\\"b\\\\c\\U00000007é"'


def test_twins_are_named_by_section_and_key():
    assert twin("home_assistant", "discovery") == "EDGE_HOME_ASSISTANT__DISCOVERY"
    assert parse(b"", environ={twin("home_assistant", "discovery"): "true"}).home_assistant.discovery is True


def test_the_tree_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().sip.port = 1


def test_further_trunks_are_sections_of_their_own():
    text = '[trunk]\nhost = "a"\n[trunk.berlin]\nhost = "b"\nprefixes = ["+4930"]\nmax_calls = 2\n'
    config = parse(text.encode())
    assert list(config.trunks) == ["trunk", "berlin"]
    assert (config.trunks["berlin"].host, config.trunks["berlin"].max_calls) == ("b", 2)
    assert parse(b"").trunks == {}


@pytest.mark.parametrize(
    "setting",
    [
        '"https://relay.example/fire?action={action}"',
        '"http://127.0.0.1:8080/{action}"',
        '"http://localhost/{action}"',
        '"http://[::1]/{action}"',
        '"http://192.168.1.9/{action}"\nweb_relay_plain_http = true',
    ],
)
def test_a_web_relay_is_asked_by_tls_or_near_by(setting):
    assert parse(f"[access]\nweb_relay_url = {setting}".encode(), environ={}).access.web_relay_url


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('"http://192.168.1.9/{action}"', "https://"),
        ('"http://relay.example/{action}"\nweb_relay_plain_http = true', "https://"),
        ('"http://8.8.8.8/{action}"\nweb_relay_plain_http = true', "https://"),
        ('"https://relay.example/fire"', "{action}"),
        ('"https://{action}.example/"', "{action}"),
        ('"https://user:secret@relay.example/{action}"', "login"),
        ('"ftp://relay.example/{action}"', "must look like"),
        ('"{action}"', "must look like"),
    ],
)
def test_a_web_relay_that_is_not_safe_is_refused(setting, words):
    (problem,) = problems(f"[access]\nweb_relay_url = {setting}")
    assert problem.startswith("edge.toml:2: access.web_relay_url")
    assert words in problem


def test_further_trunks_have_twins_in_the_environment():
    """In a container there may be no file at all."""
    text = b'[trunk.berlin]\nhost = "b"\nprefixes = ["+4930"]\n'
    environ = {
        twin("trunk.berlin", "host"): "c",
        "EDGE_TRUNK_BONN__HOST": "d",
        "EDGE_TRUNK_BONN__PREFIXES": "+49228,+49229",
        "EDGE_TRUNK__PORT": "5080",
    }
    trunks = parse(text, environ=environ).more_trunks
    assert {name: (one.host, one.prefixes) for name, one in trunks.items()} == {
        "berlin": ("c", ("+4930",)),
        "bonn": ("d", ("+49228", "+49229")),
    }
    with pytest.raises(ConfigError, match=r"^EDGE_TRUNK_BONN__SPEED: there is no such setting$"):
        parse(text, environ={**environ, "EDGE_TRUNK_BONN__SPEED": "1"})
    with pytest.raises(ConfigError, match=r"^EDGE_TRUNK_BONN__HOST: trunk\.bonn\.host is missing"):
        parse(b"", environ={"EDGE_TRUNK_BONN__HOST": "", "EDGE_TRUNK_BONN__PREFIXES": "+49228"})
