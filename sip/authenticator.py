"""Who sent a request: the server's side of digest (RFC 3261 §22.4, RFC 7616, RFC 8760)."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

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
_NEEDED: Final = frozenset(("username", "nonce", "uri", "response", "qop", "nc", "cnonce"))
_HEX: Final = frozenset("0123456789abcdefABCDEF")


class Verdict(NamedTuple):
    """*user* where the request is proven; otherwise what to answer."""

    user: SipUser | None = None
    status: int = 0
    challenges: tuple[str, ...] = ()
    why: str = ""  # for the counters: proven, no_answer, wrong, stale, foreign


class Nonces:
    """Nonces of time and MAC: nothing is kept for one until it has been used (RFC 7616 §5.4)."""

    def __init__(self, key: bytes | None = None) -> None:
        self._keyed = hashlib.blake2s(key=key or secrets.token_bytes(32), digest_size=_MAC_CHARS // 2)
        self._made = 0
        self._counts: dict[str, int] = {}  # the highest nc accepted, in the order of first use
        self._floor_ms = 0  # nonces not newer than this that we do not remember may have been used

    def make(self, now: float) -> str:
        """A fresh nonce; *now* is seconds of a clock that does not go back."""
        self._made = (self._made + 1) & 0xFFFFFFFF
        head = f"{int(now * 1000):012x}{self._made:08x}"
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
        mac = self._keyed.copy()
        mac.update(head.encode())
        return mac.hexdigest()


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
        lines = request.headers.get_all("Authorization")
        fields = next((found for line in lines if (found := self.credentials(line)) is not None), None)
        if fields is None:
            user = _user_of(request)
            return Verdict(status=401, challenges=self.challenges(user, request.via.branch, now), why="no_answer")
        user = fields["username"]
        if not self.matches(fields, request.method):
            return self._refused(user, now, "wrong")
        if not _same_resource(fields["uri"], request.uri):
            return Verdict(status=400, why="foreign")
        if not self.spend(fields, now):
            return self._refused(user, now, "stale")
        if not _owns(user, request):
            return Verdict(status=403, why="foreign")
        return Verdict(user=SipUser(user), why="proven")

    # --- the steps of `check`, for those who read a request in their own way ---

    def challenges(self, user: str, branch: str, now: float) -> tuple[str, ...]:
        """What to ask of somebody who calls himself *user* and brought no answer to a challenge."""
        algorithms = self._algorithms(user)
        if self._should_fall_back(user, algorithms, branch):
            algorithms = ("MD5",)
        return self._ask(algorithms, now)

    def credentials(self, line: str) -> dict[str, str] | None:
        """An Authorization value, if it is complete, for our realm, and of an algorithm that its user is offered."""
        fields = parse_digest(line)
        if fields is None or fields.get("realm") != self.realm or not fields.keys() >= _NEEDED:
            return None
        algorithm = fields["algorithm"] = fields.get("algorithm", "MD5").upper()
        count = fields["nc"]
        if fields["qop"].lower() != "auth" or len(count) != 8 or not _HEX.issuperset(count):
            return None
        return fields if algorithm in self._algorithms(fields["username"]) else None

    def matches(self, fields: Mapping[str, str], method: str) -> bool:
        """Whether *fields* were made with the password of their user."""
        algorithm = fields["algorithm"]
        expected = digest_response(algorithm, self._ha1_of(fields["username"], algorithm), fields, method)
        return hmac.compare_digest(expected.encode(), fields["response"].lower().encode("utf-8", "replace"))

    def spend(self, fields: Mapping[str, str], now: float) -> bool:
        """Use up the nonce count of *fields* that match. False: it is old, used before, or not ours."""
        if not self._nonces.use(fields["nonce"], int(fields["nc"], 16), now):
            return False
        user = fields["username"]
        self._unanswered.pop(user, None)
        if fields["algorithm"] == "SHA-256":
            self._does_sha.add(user)
        return True

    def _ha1_of(self, user: str, algorithm: str) -> str:
        """The hash of the password; for an unknown user one that nothing answers to, at the cost of a known one's."""
        known = self._ha1.get((user, algorithm))
        if known is not None:
            return known
        password = self._accounts.password(user)
        if password is None:
            return self._nobody
        made = self._ha1[user, algorithm] = ha1(algorithm, user, self.realm, password)
        return made

    def _algorithms(self, user: str) -> tuple[str, ...]:
        match self._accounts.digest_offer(user):
            case DigestOffer.SHA256:
                return ("SHA-256",)
            case DigestOffer.MD5:
                return ("MD5",)
            case DigestOffer.BOTH:
                return self._offer

    def _refused(self, user: str, now: float, why: str) -> Verdict:
        """He does answer challenges, but not this way."""
        self._unanswered.pop(user, None)
        asked = self._ask(self._algorithms(user), now, stale=why == "stale")
        return Verdict(status=401, challenges=asked, why=why)

    def _ask(self, algorithms: Sequence[str], now: float, *, stale: bool = False) -> tuple[str, ...]:
        start = f'Digest realm="{self.realm}", nonce="{self._nonces.make(now)}", qop="auth", algorithm='
        return tuple([f"{start}{algorithm}{', stale=true' if stale else ''}" for algorithm in algorithms])

    def _should_fall_back(self, user: str, algorithms: tuple[str, ...], branch: str) -> bool:
        """Decision 34: some phones are lost at the sight of SHA-256, and never answer.

        Strangers are offered what a device gets that has answered SHA-256: nearly all of them do. A device that fell
        back can be told from a stranger by its challenge; that is the price.
        """
        if not self._fallback or set(algorithms) != {"SHA-256", "MD5"} or user in self._does_sha:
            return False
        count, last = self._unanswered.get(user, (0, ""))
        if branch == last and branch:  # a retransmission is not a comeback
            return False
        if self._accounts.password(user) is None:
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
    3261 §22.4), some of them an IPv6 address without its brackets. A replay is refused by its count already."""
    if claimed == uri or ("@" not in claimed and claimed.lower().startswith(("sip:", "sips:"))):
        return True
    try:
        return SipUri.parse(claimed).user == SipUri.parse(uri).user
    except UriError:
        return False
