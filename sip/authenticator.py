"""Who sent a request: the server's side of digest (RFC 3261 §22.4, RFC 7616, RFC 8760)."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.core.ports import SipAccounts
from models.device import DigestOffer
from models.ids import SipUser
from sip.digest import digest_response, ha1, parse_digest
from sip.message import Request
from sip.uri import SipUri, UriError

NONCE_TTL_S: Final = 300.0
NONCES_REMEMBERED_MAX: Final = 65_536
COMEBACKS_BEFORE_FALLBACK: Final = 3  # decision 34
_MAC_CHARS: Final = 24
_NONCE_CHARS: Final = 12 + 8 + _MAC_CHARS


@dataclass(frozen=True, slots=True)
class Verdict:
    """*user* where the request is proven; otherwise what to answer."""

    user: SipUser | None = None
    status: int = 0
    challenges: tuple[str, ...] = ()
    why: str = ""  # for the counters: proven, no_answer, wrong, stale, foreign


class Nonces:
    """Nonces of time and MAC: nothing is kept for one until it has been used (RFC 7616 §5.4)."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._counts: dict[str, int] = {}  # the highest nc accepted, in the order of first use
        self._floor_ms = 0  # nonces not newer than this that we do not remember may have been used

    def make(self, now: float) -> str:
        """A fresh nonce; *now* is seconds of a clock that does not go back."""
        head = f"{int(now * 1000):012x}{secrets.token_hex(4)}"
        return head + self._mac(head)

    def use(self, nonce: str, nc: int, now: float) -> bool:
        """Whether *nonce* is ours, young, and *nc* higher than any before; if so the count is taken."""
        issued_ms = self._issued_ms(nonce)
        if issued_ms is None or not 0 <= now * 1000 - issued_ms <= NONCE_TTL_S * 1000:
            return False
        last = self._counts.get(nonce)
        if last is None:
            if issued_ms <= self._floor_ms:
                return False
            self._make_room(now)
            last = 0
        if nc <= last:
            return False
        self._counts[nonce] = nc
        return True

    def _make_room(self, now: float) -> None:
        """Drop what has expired, and the oldest if that is not enough: its like must then be refused as used."""
        while self._counts:
            oldest = next(iter(self._counts))
            issued_ms = int(oldest[:12], 16)
            expired = now * 1000 - issued_ms > NONCE_TTL_S * 1000
            if not expired and len(self._counts) < NONCES_REMEMBERED_MAX:
                return
            if not expired:
                self._floor_ms = max(self._floor_ms, issued_ms)
            del self._counts[oldest]

    def _issued_ms(self, nonce: str) -> int | None:
        if len(nonce) != _NONCE_CHARS or not nonce.isascii():
            return None
        head, mac = nonce[:-_MAC_CHARS], nonce[-_MAC_CHARS:]
        return int(head[:12], 16) if hmac.compare_digest(mac, self._mac(head)) else None

    def _mac(self, head: str) -> str:
        return hashlib.blake2s(head.encode(), key=self._key, digest_size=_MAC_CHARS // 2).hexdigest()


class Authenticator:
    """Challenges and checks. The realm is the community's id and must never change: phones keep hashes of it.

    Hashes of passwords are remembered until `forget`: call it when accounts change.
    """

    def __init__(
        self,
        realm: str,
        accounts: SipAccounts,
        offer: Sequence[str] = ("SHA-256", "MD5"),
        *,
        fallback: bool = True,
        nonces: Nonces | None = None,
    ) -> None:
        self.realm = realm
        self._accounts = accounts
        self._offer = tuple(offer)
        self._fallback = fallback
        self._nonces = nonces or Nonces()
        self._ha1: dict[tuple[str, str], str] = {}
        self._nobody = secrets.token_hex(32)  # stands in for the hash of a user that does not exist
        self._unanswered: dict[str, tuple[int, str]] = {}  # user -> challenges ignored, branch of the last
        self._does_sha: set[str] = set()

    def forget(self, user: str | None = None) -> None:
        """The password or the offer of *user* (None: of anybody) may have changed."""
        if user is None:
            self._ha1.clear()
            self._unanswered.clear()
            return
        for algorithm in ("SHA-256", "MD5"):
            self._ha1.pop((user, algorithm), None)
        self._unanswered.pop(user, None)

    def check(self, request: Request, now: float) -> Verdict:
        """Judge *request*; *now* is seconds of a clock that does not go back."""
        fields = self._credentials(request)
        if fields is None:
            return self._challenge(request, now, "no_answer")
        user, algorithm = fields["username"], fields["algorithm"]
        expected = digest_response(algorithm, self._ha1_of(user, algorithm), fields, request.method)
        if not hmac.compare_digest(expected.encode(), fields["response"].lower().encode("utf-8", "replace")):
            return self._challenge(request, now, "wrong", answered=True)
        if not _same_resource(fields["uri"], request.uri):
            return Verdict(status=400, why="foreign")
        if not self._nonces.use(fields["nonce"], int(fields["nc"], 16), now):
            return self._challenge(request, now, "stale", answered=True)
        self._unanswered.pop(user, None)
        if algorithm == "SHA-256":
            self._does_sha.add(user)
        if not _owns(user, request):
            return Verdict(status=403, why="foreign")
        return Verdict(user=SipUser(user), why="proven")

    def _credentials(self, request: Request) -> dict[str, str] | None:
        """The first complete Digest credentials for our realm and an algorithm that this user is offered."""
        for line in request.headers.get_all("Authorization"):
            fields = parse_digest(line)
            if fields is None or fields.get("realm") != self.realm:
                continue
            fields["algorithm"] = fields.get("algorithm", "MD5").upper()
            if not {"username", "nonce", "uri", "response", "qop", "nc", "cnonce"} <= fields.keys():
                continue
            count = fields["nc"]
            if fields["qop"].lower() != "auth" or len(count) != 8 or not _is_hex(count):
                continue
            if fields["algorithm"] in self._algorithms(fields["username"]):
                return fields
        return None

    def _ha1_of(self, user: str, algorithm: str) -> str:
        """The stored hash; for an unknown user one that nothing answers to, at the same cost."""
        known = self._ha1.get((user, algorithm))
        if known is not None:
            return known
        password = self._accounts.password(user)
        made = ha1(algorithm, user, self.realm, self._nobody if password is None else password)
        if password is None:
            return self._nobody
        self._ha1[user, algorithm] = made
        return made

    def _algorithms(self, user: str) -> tuple[str, ...]:
        match self._accounts.digest_offer(user):
            case DigestOffer.SHA256:
                return ("SHA-256",)
            case DigestOffer.MD5:
                return ("MD5",)
            case DigestOffer.BOTH:
                return self._offer

    def _challenge(self, request: Request, now: float, why: str, *, answered: bool = False) -> Verdict:
        user = _user_of(request)
        algorithms = self._algorithms(user)
        if answered:
            self._unanswered.pop(user, None)
        elif self._should_fall_back(user, algorithms, request.via.branch):
            algorithms = ("MD5",)
        stale = ", stale=true" if why == "stale" else ""
        challenges = tuple(
            f'Digest realm="{self.realm}", nonce="{self._nonces.make(now)}", qop="auth", algorithm={algorithm}{stale}'
            for algorithm in algorithms
        )
        return Verdict(status=401, challenges=challenges, why=why)

    def _should_fall_back(self, user: str, algorithms: tuple[str, ...], branch: str) -> bool:
        """Decision 34: some phones are lost at the sight of SHA-256, and never answer."""
        if not self._fallback or set(algorithms) != {"SHA-256", "MD5"} or user in self._does_sha:
            return False
        count, last = self._unanswered.get(user, (0, ""))
        if branch == last and branch:  # a retransmission is not a comeback
            return False
        if count == 0 and self._accounts.password(user) is None:
            return False  # strangers take no memory
        if count < COMEBACKS_BEFORE_FALLBACK:
            self._unanswered[user] = (count + 1, branch)
            return False
        del self._unanswered[user]
        self._accounts.digest_failed_to_answer(user)
        return True


def _user_of(request: Request) -> str:
    try:
        return request.from_.sip.user or ""
    except UriError:
        return ""


def _owns(user: str, request: Request) -> bool:
    """Whether *user* may speak as From, and for REGISTER as To (else any door phone could be any monitor)."""
    if _user_of(request) != user:
        return False
    try:
        return request.method != "REGISTER" or request.to.sip.user == user
    except UriError:
        return False


def _same_resource(claimed: str, uri: str) -> bool:
    """Loosely: proxies rewrite host, port and parameters, and phones choose their own, or name the server alone (RFC
    3261 §22.4). A replay is refused by its count already."""
    if claimed == uri:
        return True
    try:
        return SipUri.parse(claimed).user in (None, SipUri.parse(uri).user)
    except UriError:
        return False


def _is_hex(text: str) -> bool:
    return all(char in "0123456789abcdefABCDEF" for char in text)
