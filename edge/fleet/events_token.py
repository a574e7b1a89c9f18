"""What stands in the address that a device reports to: its MAC, and what only it and we can know.

A door phone that asks an address can prove itself by nothing else. The token is of the device alone, is made of its
password of the device plane (so it is renewed with that, and stored nowhere), and lets nobody do more than report.
"""

import hashlib
import hmac
import re
from typing import Final

from models.ids import Mac

_SECRET_CHARS: Final = 32
_TOKEN: Final = re.compile(r"([0-9a-f]{12})-([0-9a-f]{32})", re.ASCII)
_NOBODY: Final = "nobody has this password, for it is longer than any"


def hook_token(mac: Mac, own: str) -> str:
    """The token of *mac*, whose password of the device plane is *own*."""
    return f"{mac}-{hmac.new(own.encode(), b'hooks', hashlib.sha256).hexdigest()[:_SECRET_CHARS]}"


def mac_of(token: str) -> Mac | None:
    """Whose token it says that it is."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else Mac(found.group(1))


def is_hook_token(token: str, mac: Mac, own: str | None) -> bool:
    """Whether *token* is that of *mac*. Takes as long for nobody (None) as for somebody."""
    right = hmac.compare_digest(hook_token(mac, own if own is not None else _NOBODY).encode(), token.encode())
    return right and own is not None
