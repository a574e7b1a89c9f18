from pathlib import Path

import pytest

from mqtt.broker.listeners import Listener, Listeners, TlsFiles, plan
from mqtt.settings import MqttSettings

TLS = TlsFiles(Path("c.pem"), Path("k.pem"))


def settings(*listen: str, beyond: bool = False) -> MqttSettings:
    return MqttSettings(listen=listen, plain_beyond_loopback=beyond)


def test_plain_stays_on_loopback_unless_configured() -> None:
    assert plan(settings("192.0.2.7", "127.0.0.5"), None).every == (Listener("127.0.0.5", 1883),)
    assert plan(settings("192.0.2.7"), None).every == (Listener("127.0.0.1", 1883),)
    assert plan(settings("0.0.0.0"), None).every == (Listener("127.0.0.1", 1883),)
    assert plan(settings("192.0.2.7", beyond=True), None).every == (
        Listener("192.0.2.7", 1883),
        Listener("127.0.0.1", 1883),
    )
    assert plan(settings("0.0.0.0", beyond=True), None).every == (Listener("0.0.0.0", 1883),)


def test_tls_is_on_every_address_if_there_is_a_certificate() -> None:
    planned = plan(settings("192.0.2.7", "2001:db8::7"), TLS)
    assert planned.every[1:] == (Listener("192.0.2.7", 8883, TLS), Listener("2001:db8::7", 8883, TLS))
    assert planned.tls_port == 8883
    assert plan(settings("127.0.0.1"), None).tls_port is None


@pytest.mark.parametrize(
    ("address", "dialled"),
    [("127.0.0.5", "127.0.0.5"), ("::1", "::1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")],
)
def test_the_daemon_dials_loopback(address: str, dialled: str) -> None:
    assert Listeners((Listener(address, 1883),)).own == (dialled, 1883)
    with pytest.raises(LookupError):
        _ = Listeners((Listener(address, 8883, TLS),)).own
