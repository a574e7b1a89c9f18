from pathlib import Path

import pytest

from models.ids import CommunityId
from mqtt.broker import mosquitto
from mqtt.broker.choose import make_broker, make_program
from mqtt.broker.external import ExternalBroker
from mqtt.settings import MqttSettings
from mqtt.topics import Topics
from tests.mqtt_lab.fakes import Accounts

TOPICS = Topics("intercom", CommunityId("c-1"))


@pytest.mark.parametrize(
    ("wanted", "installed", "chosen"),
    [
        ("auto", "/usr/sbin/mosquitto", "mosquitto"),
        ("auto", None, "embedded broker"),
        ("mosquitto", "/usr/sbin/mosquitto", "mosquitto"),
        ("embedded", "/usr/sbin/mosquitto", "embedded broker"),
    ],
)
def test_which_program(wanted: str, installed: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "find", lambda: installed)
    assert make_program(MqttSettings(broker=wanted), TOPICS).name == chosen  # type: ignore[arg-type]  # a literal


def test_mosquitto_that_is_wanted_and_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "find", lambda: None)
    with pytest.raises(ValueError, match="apt-get install mosquitto"):
        make_program(MqttSettings(broker="mosquitto"), TOPICS)


@pytest.mark.parametrize("broker", ["auto", "external"])
def test_a_url_means_somebody_elses_broker(broker: str, tmp_path: Path) -> None:
    login = tmp_path / "mqtt_password"
    login.write_text("house:open:sesame\n")
    chosen = make_broker(
        MqttSettings(broker=broker, url="mqtt://broker.example:1884"),  # type: ignore[arg-type]  # a literal
        TOPICS,
        Accounts(),
        folder=tmp_path,
        login_file=login,
    )
    assert isinstance(chosen, ExternalBroker)
    endpoint, login_of = chosen.dial("live")
    assert (endpoint.host, endpoint.port, endpoint.tls) == ("broker.example", 1884, None)
    assert (login_of.user, login_of.password, login_of.client_id) == ("house", "open:sesame", "intercom-edge-c-1-live")
    assert "sesame" not in repr(login_of)


@pytest.mark.parametrize("url", ["", "http://broker.example", "mqtt://", "mqtt://user:secret@broker.example"])
def test_a_url_that_cannot_be_used_is_an_error(url: str, tmp_path: Path) -> None:
    login = tmp_path / "mqtt_password"
    login.write_text("house:secret")
    with pytest.raises(ValueError, match="mqtt.url"):
        ExternalBroker(url, TOPICS, login)


def test_mqtts_checks_the_certificate(tmp_path: Path) -> None:
    login = tmp_path / "mqtt_password"
    login.write_text("house:secret")
    endpoint, _ = ExternalBroker("mqtts://broker.example", TOPICS, login).dial("live")
    assert endpoint.port == 8883
    assert endpoint.tls is not None
    assert endpoint.tls.check_hostname


@pytest.mark.parametrize("text", ["", "house", ":secret", "house:"])
def test_a_login_file_without_a_login_is_an_error(text: str, tmp_path: Path) -> None:
    login = tmp_path / "mqtt_password"
    login.write_text(text)
    with pytest.raises(ValueError, match="user:password"):
        ExternalBroker("mqtt://broker.example", TOPICS, login)


def test_a_star_in_the_login_stands_for_the_link(tmp_path: Path) -> None:
    login = tmp_path / "mqtt_password"
    login.write_text("edge-*:secret")
    broker = ExternalBroker("mqtt://broker.example", TOPICS, login)
    assert [broker.dial(link)[1].user for link in ("live", "events")] == ["edge-live", "edge-events"]
