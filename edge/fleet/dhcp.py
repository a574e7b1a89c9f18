"""What a DHCP server is told, so that devices learn our provisioning URL from it. Pure.

Option 66 (RFC 2132 §9.4) holds the URL as text, as Akuvox, Fanvil and Grandstream read it; option 160 is the same for
those who look there, and 43 (RFC 2132 §8.4) has the bytes of the URL without sub-options. Nothing secret is in it.
"""

from collections.abc import Callable, Mapping
from typing import Final

MAX_URL: Final = 255  # bytes of an option


def dnsmasq(url: str) -> str:
    """Lines for a file in `/etc/dnsmasq.d`."""
    octets = ":".join(f"{byte:02x}" for byte in url.encode())
    return f'dhcp-option-force=66,"{url}"\ndhcp-option-force=160,"{url}"\ndhcp-option-force=43,{octets}'


def isc(url: str) -> str:
    """For `dhcpd.conf`, at its top."""
    octets = ":".join(f"{byte:02x}" for byte in url.encode())
    return (
        "option intercom-url code 160 = text;\n"
        f'option tftp-server-name "{url}";\n'
        f'option intercom-url "{url}";\n'
        f"option vendor-encapsulated-options {octets};"
    )


def plain(url: str) -> str:
    """For the page of a router: what to type into which field."""
    return f"option 66 (text): {url}\noption 160 (text): {url}\noption 43 (hex): {url.encode().hex()}"


FORMATS: Final[Mapping[str, Callable[[str], str]]] = {"dnsmasq": dnsmasq, "isc": isc, "plain": plain}


def options(url: str, form: str) -> str:
    """Text for a DHCP server of this *form*. Raises ValueError for an URL that no option holds."""
    if len(url.encode()) > MAX_URL or not url.isascii() or not url.isprintable() or set(url) & set('"\\ '):
        raise ValueError(f"a DHCP option can't hold {url[:60]!r}")
    return FORMATS[form](url)
