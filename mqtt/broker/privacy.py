"""Whether what we tell a device stays between us: over TLS, or inside this machine."""

import ipaddress

from mqtt.broker.external import ExternalBroker
from mqtt.broker.supervisor import OwnBroker


def is_private(broker: OwnBroker | ExternalBroker) -> bool:
    """Whether no device can be connected to *broker* in clear over a network.

    Of a broker that is not ours we know our own link only; how devices reach it is its operator's care.
    """
    if isinstance(broker, OwnBroker):
        return all(listener.tls is not None or _is_loopback(listener.address) for listener in broker.listeners.every)
    endpoint, _ = broker.dial("live")
    return endpoint.tls is not None or _is_loopback(endpoint.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
