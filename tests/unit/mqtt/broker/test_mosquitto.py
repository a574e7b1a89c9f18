from pathlib import Path

import pytest

from models.ids import CommunityId
from mqtt.accounts import HOME_ASSISTANT, Account, Grant, Role
from mqtt.broker.listeners import Listener, Listeners, TlsFiles
from mqtt.broker.mosquitto import Mosquitto, render_config, render_rights
from mqtt.topics import Topics

TOPICS = Topics("intercom", CommunityId("c-1"))
EVERYBODY = [
    Account("edge-live", "s", Role.SERVICE),
    Account("0c1105000001", "d", Role.DEVICE),
    Account("ha", "i", Role.INTEGRATOR),
]


def test_rights_are_two_patterns_and_a_line_for_each_other_login() -> None:
    assert render_rights(TOPICS, EVERYBODY) == (
        "user edge-live\n"
        "topic readwrite intercom/c-1/#\n"
        "user ha\n"
        "topic read intercom/c-1/edge/#\n"
        "\n"
        "pattern write intercom/c-1/%u/up/#\n"
        "pattern read intercom/c-1/%u/down/#\n"
    )


def test_what_a_login_is_granted_beside_its_role_stands_under_its_name() -> None:
    accounts = [
        Account("edge-ha", "s", Role.SERVICE, (Grant("readwrite", "homeassistant/#"),)),
        Account(HOME_ASSISTANT, "h", Role.HOME_ASSISTANT, (Grant("read", "a/+"), Grant("write", "b"))),
    ]
    assert render_rights(TOPICS, accounts).partition("\n\n")[0] == (
        "user edge-ha\n"
        "topic readwrite intercom/c-1/#\n"
        "topic readwrite homeassistant/#\n"
        "user edge-homeassistant\n"
        "topic read a/+\n"
        "topic write b"
    )


def test_configuration(tmp_path: Path) -> None:
    tls = TlsFiles(Path("/certs/edge.pem"), Path("/certs/edge.key"))
    listeners = Listeners((Listener("127.0.0.1", 1883), Listener("::", 8883, tls)))
    lines = render_config(tmp_path, listeners).splitlines()
    first, second = (index for index, line in enumerate(lines) if line.startswith("listener "))
    assert lines[first:second] == ["listener 1883 127.0.0.1", "use_username_as_clientid true", "max_connections 5000"]
    assert lines[second] == "listener 8883 ::"
    assert {"certfile /certs/edge.pem", "keyfile /certs/edge.key", "tls_version tlsv1.2"} <= set(lines[second:])
    assert "allow_anonymous false" in lines[:first]
    assert "per_listener_settings false" in lines[:first]


def test_a_path_cannot_add_lines() -> None:
    with pytest.raises(ValueError, match="line break"):
        render_config(Path("/run/x\nallow_anonymous true"), Listeners((Listener("127.0.0.1", 1883),)))


def test_no_password_is_written_in_clear(tmp_path: Path) -> None:
    program = Mosquitto("/usr/sbin/mosquitto", TOPICS)
    program.write_accounts(tmp_path, [Account("0c1105000001", "hidden-one", Role.DEVICE)])
    program.write_config(tmp_path, Listeners((Listener("127.0.0.1", 1883),)))
    assert "hidden-one" not in "".join(file.read_text() for file in tmp_path.iterdir())
    assert "hidden-one" not in " ".join(program.command(tmp_path))
