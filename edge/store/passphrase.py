"""Bytes sealed with a passphrase that a person keeps, for a copy that leaves the box."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from edge.store.secrets import SecretsError

MIN_PASSPHRASE_CHARS: Final = 12
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12  # NIST SP 800-38D §8.2.1
_COST: Final = 2**16  # scrypt (RFC 7914): 64 MB and about a quarter of a second for each guess


def seal(content: bytes, passphrase: str, bound: bytes) -> bytes:
    """*content* sealed; it opens with *passphrase* beside the same *bound* only.

    Raises SecretsError for a short passphrase.
    """
    if len(passphrase) < MIN_PASSPHRASE_CHARS:
        raise SecretsError(f"the passphrase needs {MIN_PASSPHRASE_CHARS} characters or more")
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    return salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, bound)


def unseal(sealed: bytes, passphrase: str, bound: bytes) -> bytes:
    """What `seal` was given. Raises SecretsError for another passphrase, another *bound* or a changed byte."""
    salt, nonce = sealed[:_SALT_BYTES], sealed[_SALT_BYTES : _SALT_BYTES + _NONCE_BYTES]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed[_SALT_BYTES + _NONCE_BYTES :], bound)
    except (InvalidTag, ValueError) as error:
        raise SecretsError("the passphrase is another one, or the file was changed") from error


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
