"""The server's side of digest, trap by trap (decision 34)."""

import pytest

from models.device import DigestOffer
from sip.authenticator import NONCE_TTL_S, Authenticator, Nonces, Verdict
from sip.digest import parse_digest
from sip.message import Headers, Request, Response
from tests.fakes.sip import REALM, FakeAccounts, again, answer, request

NOW = 50_000.0


@pytest.fixture
def accounts() -> FakeAccounts:
    return FakeAccounts()


@pytest.fixture
def server(accounts: FakeAccounts) -> Authenticator:
    return Authenticator(REALM, accounts)


def asked(verdict: Verdict) -> Response:
    assert verdict.status == 401, verdict
    return Response(401, headers=Headers([("WWW-Authenticate", line) for line in verdict.challenges]))


def proven(server: Authenticator, message: Request, now: float = NOW, **how: str) -> Verdict:
    """The verdict on *message* with credentials for a fresh challenge."""
    challenge = asked(server.check(again(message), now))
    return server.check(answer(again(message), challenge, **how), now)


def test_sha_256_is_offered_first_and_md5_second(server):
    lines = server.check(request("REGISTER"), NOW).challenges
    offered = [parse_digest(line) for line in lines]
    assert [fields["algorithm"] for fields in offered] == ["SHA-256", "MD5"]
    assert all(fields["realm"] == REALM and fields["qop"] == "auth" and "stale" not in fields for fields in offered)


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_both_algorithms_prove_a_user(server, algorithm):
    assert proven(server, request("REGISTER"), algorithm=algorithm) == Verdict(user="10000001", why="proven")


@pytest.mark.parametrize(
    ("offer", "algorithms"),
    [(DigestOffer.SHA256, ["SHA-256"]), (DigestOffer.MD5, ["MD5"]), (DigestOffer.BOTH, ["SHA-256", "MD5"])],
)
def test_the_offer_is_set_by_device(server, accounts, offer, algorithms):
    accounts.offers["10000001"] = offer
    lines = server.check(request("REGISTER"), NOW).challenges
    assert [parse_digest(line)["algorithm"] for line in lines] == algorithms


def test_an_algorithm_that_was_not_offered_is_not_taken(server, accounts):
    challenge = asked(server.check(request("REGISTER"), NOW))
    accounts.offers["10000001"] = DigestOffer.SHA256
    verdict = server.check(answer(request("REGISTER"), challenge, algorithm="MD5"), NOW)
    assert (verdict.status, verdict.why) == (401, "no_answer")


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(server):
    wrong = proven(server, request("REGISTER"), password="guess")
    unknown = proven(server, request("REGISTER", user="99999999"), user="99999999", password="guess")
    for verdict in (wrong, unknown):
        assert (verdict.status, verdict.why, len(verdict.challenges)) == (401, "wrong", 2)
        assert "stale" not in verdict.challenges[0]


def test_a_removed_account_is_refused_once_the_hash_is_forgotten(server, accounts):
    assert proven(server, request("REGISTER")).user
    del accounts.passwords["10000001"]
    server.forget("10000001")
    assert proven(server, request("REGISTER")).why == "wrong"
    accounts.passwords["10000001"] = "new"
    server.forget()
    assert proven(server, request("REGISTER"), password="new").user


def test_one_nonce_serves_many_requests_with_a_rising_count(server):
    challenge = asked(server.check(request("REGISTER"), NOW))
    for count in ("00000001", "00000002", "0000000a"):
        assert server.check(answer(request("INVITE"), challenge, nc=count), NOW).user
    for count in ("0000000a", "00000003"):
        verdict = server.check(answer(request("INVITE"), challenge, nc=count), NOW)
        assert (verdict.status, verdict.why) == (401, "stale")
        assert verdict.challenges[0].endswith("stale=true")


def test_an_old_nonce_is_stale_and_a_foreign_one_too(server, accounts):
    challenge = asked(server.check(request("REGISTER"), NOW))
    assert server.check(answer(request("REGISTER"), challenge), NOW + NONCE_TTL_S + 1).why == "stale"
    after_restart = Authenticator(REALM, accounts)
    assert after_restart.check(answer(request("REGISTER"), challenge), NOW).why == "stale"
    assert server.check(answer(request("REGISTER"), challenge, nonce="x"), NOW).why == "stale"


def test_a_wrong_password_with_an_old_nonce_is_not_called_stale(server):
    challenge = asked(server.check(request("REGISTER"), NOW))
    verdict = server.check(answer(request("REGISTER"), challenge, password="guess"), NOW + NONCE_TTL_S + 1)
    assert verdict.why == "wrong"


def test_nobody_registers_as_somebody_else(server):
    aor = "<sip:10000002@edge>"
    assert proven(server, request("REGISTER", to=aor)).status == 403
    assert proven(server, request("REGISTER", user="10000002", to=aor), user="10000001").status == 403
    assert proven(server, request("INVITE", user="10000002"), user="10000001").status == 403
    assert proven(server, request("INVITE", to=aor)).user == "10000001"  # calling another is what a phone is for


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        ("sip:101@edge", True),
        ("sip:101@192.0.2.1:5060;transport=udp", True),
        ("sip:%31%30%31@edge", True),
        ("sip:192.0.2.1:5060", True),
        ("sip:::1:5060", True),  # SIPp
        ("sip:102@edge", False),
        ("nonsense", False),
    ],
)
def test_the_digest_uri_is_compared_loosely(server, uri, taken):
    verdict = proven(server, request("INVITE", "sip:101@edge"), uri=uri)
    assert (verdict.user == "10000001") is taken
    assert taken or verdict.status == 400


@pytest.mark.parametrize(
    "spoil", [{"realm": "other"}, {"qop": "auth-int"}, {"nc": "1"}, {"nc": "0000000g"}, {"algorithm": "MD4"}]
)
def test_incomplete_or_foreign_credentials_are_no_answer(server, spoil):
    challenge = asked(server.check(request("REGISTER"), NOW))
    message = answer(request("REGISTER"), challenge)
    line = message.headers.get("Authorization") or ""
    fields = parse_digest(line) | spoil
    message.headers.set("Authorization", "Digest " + ", ".join(f'{k}="{v}"' for k, v in fields.items()))
    assert server.check(message, NOW).why == "no_answer"


def test_credentials_for_another_server_may_stand_beside_ours(server):
    challenge = asked(server.check(request("REGISTER"), NOW))
    message = answer(request("REGISTER"), challenge)
    ours = message.headers.get("Authorization") or ""
    message.headers.set("Authorization", ['Digest realm="other", username="x"', "Basic abc", ours])
    assert server.check(message, NOW).user


class TestFallback:
    """Some phones are lost at the sight of SHA-256 and never answer: from the fourth time they see MD5 alone."""

    def offers(self, server: Authenticator, times: int, user: str = "10000001") -> list[int]:
        return [len(server.check(request("REGISTER", user=user), NOW).challenges) for _ in range(times)]

    def test_the_fourth_challenge_is_md5_and_stored(self, server, accounts):
        assert self.offers(server, 5) == [2, 2, 2, 1, 1]
        assert accounts.fallen_back == ["10000001"]

    def test_a_retransmission_is_not_a_comeback(self, server, accounts):
        message = request("REGISTER")
        for _ in range(10):
            server.check(message, NOW)
        assert accounts.fallen_back == []

    def test_an_answer_even_a_wrong_one_starts_anew(self, server, accounts):
        self.offers(server, 2)
        proven(server, request("REGISTER"), password="guess")
        assert self.offers(server, 2) == [2, 2]
        assert accounts.fallen_back == []

    def test_nobody_can_weaken_a_device_that_has_answered_sha_256(self, server, accounts):
        assert proven(server, request("REGISTER")).user
        assert self.offers(server, 10) == [2] * 10
        assert accounts.fallen_back == []

    def test_strangers_and_single_offers_are_left_alone(self, server, accounts):
        accounts.offers["10000002"] = DigestOffer.SHA256
        assert self.offers(server, 10, "99999999") == [2] * 10
        assert self.offers(server, 10, "10000002") == [1] * 10
        assert accounts.fallen_back == []
        assert not server._unanswered

    def test_it_can_be_turned_off(self, accounts):
        server = Authenticator(REALM, accounts, fallback=False)
        assert self.offers(server, 10) == [2] * 10


class TestNonces:
    def test_a_forged_nonce_is_refused(self):
        nonces = Nonces()
        good = nonces.make(NOW)
        assert not nonces.use(good[:-1] + ("0" if good[-1] != "0" else "1"), 1, NOW)
        assert not nonces.use(good[1:], 1, NOW)
        assert not nonces.use("é" * len(good), 1, NOW)
        assert nonces.use(good, 1, NOW)

    def test_a_nonce_of_the_future_is_refused(self):
        nonces = Nonces()
        assert not nonces.use(nonces.make(NOW + 10), 1, NOW)

    def test_memory_is_bounded_and_what_was_dropped_cannot_be_replayed(self, monkeypatch):
        monkeypatch.setattr("sip.authenticator.NONCES_REMEMBERED_MAX", 3)
        nonces = Nonces()
        made = [nonces.make(NOW + number) for number in range(5)]
        for nonce in made:
            assert nonces.use(nonce, 1, NOW + 5)
        assert len(nonces._counts) == 3
        assert not any(nonces.use(nonce, 2, NOW + 5) for nonce in made[:2])
        assert nonces.use(made[4], 2, NOW + 5)
        assert nonces.use(nonces.make(NOW + 6), 1, NOW + 6)

    def test_expired_nonces_make_room(self):
        nonces = Nonces()
        for number in range(3):
            assert nonces.use(nonces.make(NOW + number), 1, NOW + number)
        assert nonces.use(nonces.make(NOW + 1000), 1, NOW + 1000)
        assert len(nonces._counts) == 1
