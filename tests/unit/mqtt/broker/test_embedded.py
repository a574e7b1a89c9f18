import json
import logging
from pathlib import Path

import pytest

from models.ids import CommunityId
from mqtt.accounts import Account, Role
from mqtt.broker.embedded import SUPPORTED_DEVICES, ChildConfig, Embedded
from mqtt.broker.listeners import Listener, TlsFiles
from mqtt.topics import Topics

TOPICS = Topics("intercom", CommunityId("c-1"))


def test_what_the_child_is_told_is_read_back() -> None:
    tls = TlsFiles(Path("/certs/edge.pem"), Path("/certs/edge.key"))
    config = ChildConfig(TOPICS, (Listener("127.0.0.1", 1883), Listener("::", 8883, tls)), Path("/run/accounts.json"))
    assert ChildConfig.from_json(config.to_json()) == config


def test_accounts_are_hashed(tmp_path: Path) -> None:
    Embedded(TOPICS).write_accounts(tmp_path, [Account("0c1105000001", "hidden-one", Role.DEVICE)])
    text = (tmp_path / "accounts.json").read_text()
    assert "hidden-one" not in text
    assert json.loads(text)["0c1105000001"][0] == "device"


def test_more_devices_than_supported_are_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    many = [Account(f"{n:012x}", "p", Role.DEVICE) for n in range(SUPPORTED_DEVICES + 1)]
    program = Embedded(TOPICS)
    with caplog.at_level(logging.WARNING):
        program.write_accounts(tmp_path, many[:-1])
        assert caplog.records == []
        program.write_accounts(tmp_path, many)
        program.write_accounts(tmp_path, many)
    assert len(caplog.records) == 1
    assert "install mosquitto" in caplog.text
