"""Identities. Parsed once where they enter; inside the edge they are trusted."""

import re
import secrets
from typing import Final, NewType

CommunityId = NewType("CommunityId", str)
BuildingId = NewType("BuildingId", str)
ApartmentId = NewType("ApartmentId", str)
ResidentId = NewType("ResidentId", str)
DeviceId = NewType("DeviceId", str)
CredentialId = NewType("CredentialId", str)
ScheduleId = NewType("ScheduleId", str)
AreaId = NewType("AreaId", str)
CallId = NewType("CallId", str)
Mac = NewType("Mac", str)
"""12 lower-case hexadecimal digits, no separators."""
SipUser = NewType("SipUser", str)
"""User part of a device's or an app's AOR: 8 digits (never an apartment number, which has groups of at most 6)."""

_ID_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_MAC: Final = re.compile(r"[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}", re.ASCII)


def new_id(prefix: str) -> str:
    """A fresh identity such as ``r-3k9…``: *prefix* and 60 random bits, safe in URLs, topics and file names."""
    # 32 letters, so five bits of each byte choose one evenly; an import makes tens of thousands.
    return f"{prefix}-" + "".join([_ID_ALPHABET[byte & 31] for byte in secrets.token_bytes(12)])


def parse_mac(text: str) -> Mac:
    """*text* as a MAC: 12 hexadecimal digits, or pairs joined by ``:`` or ``-``, either case.

    Raises ValueError for anything else, and for multicast and all-zero addresses, which no device owns.
    """
    text = text.strip()
    if not _MAC.fullmatch(text):
        raise ValueError(f"{text!r} is not a MAC address: 12 hexadecimal digits are needed, for example 0C11050B9814")
    digits = text.replace(":", "").replace("-", "").lower()
    if digits == "0" * 12 or int(digits[:2], 16) & 1:
        raise ValueError(f"{text!r} is not the address of one device (multicast or all zero)")
    return Mac(digits)
