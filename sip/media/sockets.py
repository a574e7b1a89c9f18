"""UDP sockets for media: bound in pairs, connected to one peer, and disconnected again."""

import ctypes
import errno
import ipaddress
import os
import socket
from typing import Final

from sip.media.engine import MediaUnavailable
from sip.media.ports import PortPool, PortsExhausted

TRIES_MAX: Final = 20  # port pairs that others hold before giving up
_EXPEDITED: Final = 0xB8  # DSCP EF (RFC 4594 §4.1)
_AF_UNSPEC_ADDRESS: Final = bytes(16)
_libc: Final = ctypes.CDLL(None, use_errno=True)


def bind_pair(pool: PortPool, host: str, now: float) -> tuple[socket.socket, socket.socket, int]:
    """RTP and RTCP sockets on *host* and their RTP port from *pool*. Raises MediaUnavailable."""
    for _ in range(TRIES_MAX):
        try:
            port = pool.take(now)
        except PortsExhausted as error:
            raise MediaUnavailable(str(error)) from error
        rtp: socket.socket | None = None
        try:
            rtp = _bound(host, port)
            return rtp, _bound(host, port + 1), port
        except OSError as error:
            if rtp is not None:
                rtp.close()
            pool.release(port, now)
            if error.errno != errno.EADDRINUSE:
                raise MediaUnavailable(f"cannot bind media to {host}: {error.strerror}") from error
    raise MediaUnavailable(f"{TRIES_MAX} RTP port pairs in a row are taken by other programs")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        # No SO_REUSEADDR: a second program on the port must fail loudly, not steal packets.
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def disconnect(sock: socket.socket) -> None:
    """Make a connected UDP socket hear everybody again (connect(2) with AF_UNSPEC, which Python does not offer)."""
    if _libc.connect(sock.fileno(), _AF_UNSPEC_ADDRESS, len(_AF_UNSPEC_ADDRESS)) != 0:
        code = ctypes.get_errno()
        if code != errno.EAFNOSUPPORT:
            raise OSError(code, os.strerror(code))


def usable_address(host: str, port: int) -> tuple[str, int] | None:
    """(host, port) as one to send to, or None: a name, multicast, the unspecified address, a port that is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.is_multicast or address.is_unspecified or not 0 < port < 65536:
        return None
    return str(address), port


def local_host_towards(host: str, port: int = 9) -> str:
    """Our address on the route to *host*; sends nothing. Raises OSError where there is no route."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])
