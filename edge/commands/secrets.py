"""Logins as devices and apps need them: where to connect to, and as whom."""

from typing import Any

from edge.commands.base import Cli
from edge.commands.daemon import ask_if_running
from edge.config import Config
from edge.fleet.files import base_url, reachable


def sip_login(cli: Cli, user: str, password: str | None, realm: str) -> dict[str, Any]:
    """User, password, realm and server (host:port) of SIP, as served now or else as configured."""
    return {"user": user, "password": password, "realm": realm, "server": _sip_server(cli)}


def mqtt_login(cli: Cli, user: str, password: str | None, community: str) -> dict[str, Any]:
    """Everything that a client of the device plane needs."""
    where = _mqtt_server(cli)
    config = cli.site.config
    return {
        "host": where["host"],
        "port": where["port"],
        "tls": where["tls"],
        "ca_file": config.tls.ca or None,
        "user": user,
        "password": password,
        "client_id": user,
        "prefix": config.mqtt.prefix,
        "community": community,
    }


def http_url(cli: Cli) -> str:
    """Where devices reach the HTTP server, without a slash at its end."""
    settings = cli.site.config.http
    served = _running(cli).get("http") or {}
    return base_url(settings, int(served.get("port") or settings.port))


def _running(cli: Cli) -> dict[str, Any]:
    return ask_if_running(cli.site.folder, "/status") or {}


def _sip_server(cli: Cli) -> str:
    served = (_running(cli).get("sip") or {}).get("udp") or []
    if served:
        host, _, port = str(served[0]).rpartition(":")
        return _joined(reachable(host.strip("[]")), int(port))
    sip = cli.site.config.sip
    return _joined(reachable(sip.listen[0]), sip.port)


def _mqtt_server(cli: Cli) -> dict[str, Any]:
    served = _running(cli).get("mqtt") or {}
    config = cli.site.config
    if served.get("host"):
        return {"host": reachable(str(served["host"])), "port": served["port"], "tls": bool(served.get("tls"))}
    return _configured_mqtt(config)


def _configured_mqtt(config: Config) -> dict[str, Any]:
    from urllib.parse import urlsplit

    if config.mqtt.broker == "external":
        url = urlsplit(config.mqtt.url)
        tls = url.scheme == "mqtts"
        return {"host": url.hostname, "port": url.port or (8883 if tls else 1883), "tls": tls}
    tls = bool(config.tls.certificate)
    port = config.mqtt.tls_port if tls else config.mqtt.port
    return {"host": reachable(config.mqtt.listen[0]), "port": port, "tls": tls}


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
