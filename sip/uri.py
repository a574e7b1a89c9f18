"""SIP URIs and name-addr values: text in, frozen values out, and back (RFC 3261 §19.1, §20, §25)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

Params = tuple[tuple[str, str | None], ...]

_NAME: Final = r"[A-Za-z0-9\-.!%*_+`'~]+"
_QUOTED: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"'
# Each of these takes time in proportion to its text, whatever the text: no repetition inside a repetition without a
# separator between, no two neighbours that eat the same character. `tests/unit/sip/test_linear.py` holds that.
# The shapes that nearly all texts have, read in one step; everything else goes the long way.
_PLAIN_URI: Final = re.compile(
    r"(sips?):([A-Za-z0-9.+*_\-]+)@([A-Za-z0-9_][A-Za-z0-9_.\-]*)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"((?:;[A-Za-z0-9.\-]+(?:=[A-Za-z0-9.:\-]+)?)*)",
    re.ASCII,
)
_PLAIN_ADDR: Final = re.compile(
    r"(?:\"([A-Za-z0-9_. \-]*)\" ?)?<(sips?:[A-Za-z0-9.+*_@:;=\-]+)>(?:;tag=([A-Za-z0-9\-.!%*_+`'~]+))?", re.ASCII
)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*))(?::([0-9]{1,5}))?", re.ASCII)
_USER: Final = re.compile(r"[^\x00-\x20<>\"@\x7f]+")
_URI_PARAM: Final = re.compile(r";([^\x00-\x20;?=<>\"\x7f]+)(?:=([^\x00-\x20;?<>\"\x7f]*))?")
_ADDR_PARAM: Final = re.compile(rf";\s*({_NAME})(?:\s*=\s*({_QUOTED}|[^\s;,\"<>]+))?\s*", re.DOTALL)
_DISPLAY_QUOTED: Final = re.compile(rf"\s*({_QUOTED})\s*<([^<>]*)>\s*", re.DOTALL)
# Possessive, and no repetition inside another: what has no "<" is given up in one pass, however long it is.
_DISPLAY_TOKENS: Final = re.compile(r"\s*+([A-Za-z0-9\-.!%*_+`'~ \t]*+)<([^<>]*)>\s*")
_BARE_ADDR: Final = re.compile(r"\s*([^\s;,?<>\"]+)\s*")
_LIST_ITEM: Final = re.compile(rf"(?:{_QUOTED}|<[^>]*>|[^,\"<])+", re.DOTALL)
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"  # RFC 3261 §25.1: mark and user-unreserved; "#" must be escaped
_BAD_IN_TEXT: Final = re.compile(r"[\x00-\x1f\x7f]")


CACHED_MAX: Final = 4096  # values remembered of each kind
CACHED_CHARS_MAX: Final = 256  # longer texts are read anew, so that hostile ones cannot fill the memory


class UriError(ValueError):
    """The text is not a URI or an address of SIP."""


class UnsupportedScheme(UriError):
    """A URI of another scheme than sip and sips: 416 in a Request-URI."""


class SipUri(NamedTuple):
    """A sip or sips URI. *user* is unescaped: ``2%23123`` and ``2#123`` are the same apartment."""

    user: str | None
    host: str  # IPv6 in brackets, as it stands in the URI
    port: int | None = None
    params: Params = ()  # names in lower case, values as sent
    scheme: str = "sip"
    password: str | None = None
    headers: str = ""  # what follows "?", as sent

    @classmethod
    def parse(cls, text: str) -> "SipUri":
        """Read *text*. Raises UnsupportedScheme or UriError."""
        return _cached_uri(text) if len(text) <= CACHED_CHARS_MAX else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> "SipUri":
        plain = _PLAIN_URI.fullmatch(text)
        if plain is not None:
            params = _uri_params(plain[5]) if plain[5] else ()
            return cls(plain[2], plain[3].lower(), int(plain[4]) if plain[4] else None, params, plain[1])
        found = _SCHEME.fullmatch(text)
        if found is None:
            raise UriError("a URI needs a scheme")
        scheme = found[1].lower()
        if scheme not in ("sip", "sips"):
            raise UnsupportedScheme(f"scheme {scheme[:32]}")
        userinfo, at, rest = found[2].partition("@")
        if not at:
            userinfo, rest = "", found[2]
        elif not _USER.fullmatch(userinfo):
            raise UriError("user part")
        user, colon, password = userinfo.partition(":")
        place = _HOST_PORT.match(rest)
        if place is None:
            raise UriError("host")
        port = int(place[2]) if place[2] else None
        if port is not None and not 0 < port < 65536:
            raise UriError("port")
        rest, _, headers = rest[place.end() :].partition("?")
        return cls(
            user=unescape(user) if at else None,
            host=place[1].lower(),
            port=port,
            params=_uri_params(rest),
            scheme=scheme,
            password=password if colon else None,
            headers=headers,
        )

    def param(self, name: str) -> str | None:
        """The value of the parameter *name* (lower case); "" where it has none, None where it is absent."""
        return find_param(self.params, name)

    def __str__(self) -> str:
        user = "" if self.user is None else escape_user(self.user)
        password = "" if self.password is None else f":{self.password}"
        at = "" if self.user is None else "@"
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{password}{at}{self.host}{port}{render_params(self.params)}{headers}"

    def same_as(self, other: "SipUri") -> bool:
        """Whether both name the same resource (RFC 3261 §19.1.4)."""
        if (self.scheme, self.user, self.password, self.host, self.port) != (
            other.scheme, other.user, other.password, other.host, other.port,
        ):  # fmt: skip
            return False
        if sorted(self.headers.split("&")) != sorted(other.headers.split("&")):
            return False
        mine, theirs = dict(self.params), dict(other.params)
        for name in mine.keys() | theirs.keys():
            must_be_in_both = name in ("user", "ttl", "method", "maddr", "transport")
            if (name in mine and name in theirs) or must_be_in_both:
                a, b = mine.get(name, "\0"), theirs.get(name, "\0")
                if (a or "").lower() != (b or "").lower():
                    return False
        return True


class NameAddr(NamedTuple):
    """The value of From, To, Contact, Route and their kin. *uri* is kept as sent, so that it can go back untouched."""

    uri: str
    display: str = ""  # unquoted
    params: Params = ()  # names in lower case, values as sent

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Read one value. Raises UriError; the URI itself may be of any scheme."""
        return _cached_address(text) if len(text) <= CACHED_CHARS_MAX else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> "NameAddr":
        plain = _PLAIN_ADDR.fullmatch(text)
        if plain is not None:
            return cls(plain[2], plain[1] or "", (("tag", plain[3]),) if plain[3] else ())
        text = text.strip()
        quoted = _DISPLAY_QUOTED.match(text)
        found = quoted or _DISPLAY_TOKENS.match(text)
        if found is not None:
            display = _unquote(found[1]) if quoted else found[1].strip()
            uri, end = found[2], found.end()
        elif (bare := _BARE_ADDR.match(text)) is not None:
            # Without brackets, parameters belong to the header and "?" and "," are not allowed (§20).
            display, uri, end = "", bare[1], bare.end()
        else:
            raise UriError("address")
        if not _SCHEME.fullmatch(uri) or " " in uri or _BAD_IN_TEXT.search(uri):
            raise UriError("URI of an address")
        return cls(uri, display, parse_params(text, end))

    @property
    def tag(self) -> str | None:
        for key, value in self.params:
            if key == "tag":
                return value or ""
        return None

    @property
    def sip(self) -> SipUri:
        """The URI, read. Raises UriError where it is no SIP URI."""
        return SipUri.parse(self.uri)

    def param(self, name: str) -> str | None:
        """The value of the header parameter *name* (lower case); "" where it has none, None where it is absent."""
        return find_param(self.params, name)

    def with_param(self, name: str, value: str | None) -> "NameAddr":
        """This address with the header parameter *name* set to *value*."""
        return self._replace(params=(*(p for p in self.params if p[0] != name), (name, value)))

    def with_tag(self, tag: str) -> "NameAddr":
        return self.with_param("tag", tag)

    def without_params(self) -> "NameAddr":
        return self._replace(params=())

    def __str__(self) -> str:
        display = f"{quote_string(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{render_params(self.params)}"


# A registered device, and every message of a dialog, brings the same few texts again and again.
_cached_uri: Final = lru_cache(CACHED_MAX)(SipUri._read)
_cached_address: Final = lru_cache(CACHED_MAX)(NameAddr._read)


def unescape(text: str) -> str:
    """*text* with its %XX escapes undone; bytes that are not UTF-8 survive a round trip."""
    return unquote(text, errors="surrogateescape") if "%" in text else text


def escape_user(user: str) -> str:
    """*user* as it may stand before the ``@`` of a URI."""
    return quote(user, safe=_USER_SAFE, errors="surrogateescape")


def quote_string(text: str) -> str:
    """*text* as a quoted-string (RFC 3261 §25.1); control characters become spaces."""
    clean = _BAD_IN_TEXT.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'


def split_list(value: str) -> list[str]:
    """The items of a comma-separated header value; commas in quotes and brackets separate nothing.

    Raises UriError for an empty item or an open quote or bracket.
    """
    if "," not in value:
        return [value]
    items, at = [], 0
    while True:
        found = _LIST_ITEM.match(value, at)
        if found is None or not found[0].strip():
            raise UriError("list")
        items.append(found[0].strip())
        at = found.end()
        if at == len(value):
            return items
        if value[at] != ",":
            raise UriError("list")
        at += 1


def parse_params(text: str, at: int = 0) -> Params:
    """``;name=value`` pairs of *text* from *at* to its end. Raises UriError for anything else there."""
    params: list[tuple[str, str | None]] = []
    end = len(text)
    while at < end:
        found = _ADDR_PARAM.match(text, at)
        if found is None:
            raise UriError("parameter")
        params.append((found[1].lower(), found[2]))
        at = found.end()
    return tuple(params)


def find_param(params: Params, name: str) -> str | None:
    """The value of the parameter *name* (lower case); "" where it has none, None where it is absent."""
    for key, value in params:
        if key == name:
            return value or ""
    return None


def render_params(params: Iterable[tuple[str, str | None]]) -> str:
    """``;name=value`` for each of *params*."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params)


def _uri_params(text: str) -> Params:
    params: list[tuple[str, str | None]] = []
    at = 0
    while at < len(text):
        found = _URI_PARAM.match(text, at)
        if found is None:
            raise UriError("URI parameter")
        params.append((found[1].lower(), found[2]))
        at = found.end()
    return tuple(params)


def _unquote(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)
