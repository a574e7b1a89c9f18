"""HTTP digest as SIP uses it (RFC 3261 §22, RFC 7616, RFC 8760): the sums, the two headers, and the client's side."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sip.message import Request, Response
from sip.uri import quote_string

_PAIR: Final = r"\s*([A-Za-z0-9\-]+)\s*=\s*(\"[^\"\\]*(?:\\.[^\"\\]*)*\"|[^\s,\"]+)\s*(?:,\s*+|$)"
_PARAM: Final = re.compile(_PAIR)
_PARAMS: Final = re.compile(f"(?:{_PAIR})+")
_PLAIN_PARAM: Final = re.compile(r"(([A-Za-z0-9\-]{1,32})=(?:\"([^\"\\]*)\"|([^\s,\"]+))(?:, ?|$))")  # the usual way
PLAIN_CHARS_MAX: Final = 512  # the search for them is quadratic at worst
ALGORITHMS: Final = ("SHA-256", "MD5")  # the stronger one first
MAX_TRIES: Final = 2  # answers to challenges for one request: the second only if the first was stale


def hash_hex(algorithm: str, text: str) -> str:
    """*text* under the digest *algorithm* (SHA-256, MD5), in lower-case hexadecimal."""
    data = text.encode("utf-8", "surrogateescape")
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def ha1(algorithm: str, user: str, realm: str, password: str) -> str:
    return hash_hex(algorithm, f"{user}:{realm}:{password}")


def digest_response(algorithm: str, ha1_hex: str, fields: Mapping[str, str], method: str) -> str:
    """The response to *fields* (nonce, uri, and with qop also nc, cnonce, qop) for *method*."""
    ha2 = _ha2(algorithm, method, fields["uri"])
    if "qop" in fields:
        middle = f"{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
    else:
        middle = fields["nonce"]  # RFC 2069; we answer such a challenge, but never send one
    return hash_hex(algorithm, f"{ha1_hex}:{middle}:{ha2}")


@lru_cache(maxsize=256)  # registrations name the same few URIs again and again
def _ha2(algorithm: str, method: str, uri: str) -> str:
    return hash_hex(algorithm, f"{method}:{uri}")


def parse_digest(value: str) -> dict[str, str] | None:
    """Parameters of a Digest challenge or of Digest credentials, names in lower case, values unquoted.

    None for another scheme, for anything malformed and where a parameter comes twice.
    """
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "digest":
        return None
    plain = _PLAIN_PARAM.findall(rest) if len(rest) <= PLAIN_CHARS_MAX else []
    if plain and "".join([one[0] for one in plain]) == rest:
        found = {name.lower(): quoted or bare for _, name, quoted, bare in plain}
        return found if len(found) == len(plain) else None
    if not _PARAMS.fullmatch(rest):
        return None
    pairs = _PARAM.findall(rest)
    fields = {name.lower(): _unquoted(text) for name, text in pairs}
    return fields if len(fields) == len(pairs) else None


def _unquoted(text: str) -> str:
    """RFC 3261 §25.1: a backslash is a quoted-pair in a quoted-string only."""
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] == '"' else text


@dataclass(slots=True)
class _Session:
    """The challenge of one realm that is being answered, and how often it was."""

    algorithm: str
    fields: dict[str, str]
    header: str  # Authorization or Proxy-Authorization
    count: int = 0


class DigestClient:
    """Answers a provider's challenges, one client an account. It keeps nonces, so that most requests need no retry."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._sessions: dict[str, _Session] = {}  # by realm

    def challenged(self, response: Response, tries: int) -> bool:
        """Take the challenges of a 401 or 407 to a request that answered *tries* challenges already.

        True: build the request again with a new branch and CSeq, `authorise` it and send it. False: give up, because
        nothing can be answered or the password is wrong.
        """
        if tries >= MAX_TRIES:
            return False
        ask, answer = (
            ("WWW-Authenticate", "Authorization")
            if response.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        found: dict[str, _Session] = {}
        stale = False
        for line in response.headers.get_all(ask):
            fields = parse_digest(line)
            if fields is None or "nonce" not in fields or not self._can_answer(fields):
                continue
            algorithm = fields.get("algorithm", "MD5").upper()
            realm = fields.get("realm", "")
            known = found.get(realm)
            if known is None or ALGORITHMS.index(algorithm) < ALGORITHMS.index(known.algorithm):
                found[realm] = _Session(algorithm, fields, answer)
            stale = stale or fields.get("stale", "").lower() == "true"
        new_realm = any(realm not in self._sessions for realm in found)
        self._sessions.update(found)
        return bool(found) and (tries == 0 or stale or new_realm)

    def authorise(self, request: Request) -> None:
        """Put credentials for all known realms into *request*, in the place of those that were there."""
        request.headers.remove("Authorization")
        request.headers.remove("Proxy-Authorization")
        for realm, session in self._sessions.items():
            request.headers.add(session.header, self._credentials(realm, session, request))

    def accepted(self, response: Response) -> None:
        """Take a nextnonce out of a final answer (RFC 7616 §3.5)."""
        for line in response.headers.get_all("Authentication-Info"):
            fields = parse_digest(f"Digest {line}")
            if fields and "nextnonce" in fields:
                for session in self._sessions.values():
                    if session.header == "Authorization":
                        session.fields["nonce"] = fields["nextnonce"]
                        session.count = 0

    @staticmethod
    def _can_answer(fields: Mapping[str, str]) -> bool:
        qops = [qop.strip().lower() for qop in fields.get("qop", "auth").split(",")]
        return fields.get("algorithm", "MD5").upper() in ALGORITHMS and "auth" in qops

    def _credentials(self, realm: str, session: _Session, request: Request) -> str:
        session.count += 1
        fields = {"uri": request.uri, "nonce": session.fields["nonce"]}
        tail = ""
        if "qop" in session.fields:
            fields |= {"nc": f"{session.count:08x}", "cnonce": secrets.token_hex(8), "qop": "auth"}
            tail = f', qop=auth, nc={fields["nc"]}, cnonce="{fields["cnonce"]}"'
        proof = digest_response(
            session.algorithm, ha1(session.algorithm, self._user, realm, self._password), fields, request.method
        )
        if "opaque" in session.fields:
            tail += f", opaque={quote_string(session.fields['opaque'])}"
        return (
            f"Digest username={quote_string(self._user)}, realm={quote_string(realm)}, "
            f'nonce={quote_string(fields["nonce"])}, uri="{request.uri}", response="{proof}", '
            f"algorithm={session.algorithm}{tail}"
        )
