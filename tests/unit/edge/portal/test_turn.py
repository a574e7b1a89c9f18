"""Credentials of a relay as coturn reads them (use-auth-secret): whose they are and until when, under the secret."""

import base64
import hashlib
import hmac

from edge.portal.turn import TurnSettings, servers


def test_they_end_and_are_of_one_session() -> None:
    (server,) = servers(TurnSettings("turn:relay.example:3478", "secret", 2.0), "s_1", 1_000_000_000)
    assert server["urls"] == ["turn:relay.example:3478"]
    assert server["username"] == f"{1_000_000 + 7200}:s_1"
    mac = hmac.digest(b"secret", str(server["username"]).encode(), hashlib.sha1)
    assert base64.b64decode(str(server["credential"])) == mac


def test_without_a_relay_there_are_none_and_the_secret_is_shown_nowhere() -> None:
    assert servers(None, "s_1", 0) == []
    assert "secret" not in repr(TurnSettings("turn:relay.example", "secret", 1.0))
