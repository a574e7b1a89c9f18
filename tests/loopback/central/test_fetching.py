"""Asking an address that somebody typed in, against real servers that mean it well and that do not."""

from pathlib import Path

import pytest

from edge.central import fetching
from edge.central.fetching import Fetcher, Unfetched
from tests.loopback.central.web import Answer, web
from tests.peers.certificates import certificate


async def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(Unfetched) as refused:
        await fetcher.get(url)
    return refused.value.reason


NEVER = [
    ("http://pms.example/roster", "plain"),
    ("https://user:word@pms.example/roster", "url"),
    ("ftp://pms.example/roster", "url"),
    ("file:///etc/passwd", "url"),
    ("nonsense", "url"),
    ("https://pms.example/" + "a" * 3000, "url"),
    ("https://127.0.0.1/roster", "private"),
    ("https://[::1]/roster", "private"),
    ("https://[::ffff:10.0.0.1]/roster", "private"),
    ("https://169.254.169.254/latest/meta-data", "private"),
    ("https://10.1.2.3/", "private"),
    ("https://localhost/", "private"),
]


@pytest.mark.parametrize(("url", "reason"), NEVER)
async def test_what_is_never_asked(url: str, reason: str) -> None:
    assert await refusal(Fetcher(), url) == reason


async def test_a_listed_host_is_asked_and_given_the_authorization() -> None:
    async with web() as pms:
        pms.pages["/roster"] = Answer(b"id,unit\n")
        for listed in (pms.authority, "127.0.0.1"):
            url = f"http://{pms.authority}/roster"
            assert await Fetcher([listed]).get(url, authorization="Bearer secret") == b"id,unit\n"
        assert {each.headers["authorization"] for each in pms.asked} == {"Bearer secret"}
        assert await refusal(Fetcher(["127.0.0.1:1"]), f"http://{pms.authority}/roster") == "plain"


async def test_a_redirect_takes_neither_the_authorization_nor_the_permission_along() -> None:
    async with web() as pms, web("127.0.0.2") as other:
        pms.pages["/roster"] = Answer(status=302, headers={"Location": f"http://{other.authority}/theirs"})
        pms.pages["/local"] = Answer(status=307, headers={"Location": "/here"})
        pms.pages["/here"] = Answer(b"here")
        pms.pages["/round"] = Answer(status=302, headers={"Location": "/round"})
        pms.pages["/inside"] = Answer(status=302, headers={"Location": f"https://{other.authority}/theirs"})
        other.pages["/theirs"] = Answer(b"there")
        root = f"http://{pms.authority}"
        careful, free = Fetcher([pms.authority]), Fetcher([pms.authority, other.authority])
        assert await refusal(careful, f"{root}/roster") == "plain"
        assert await refusal(careful, f"{root}/inside") == "private"
        assert other.asked == []
        assert await free.get(f"{root}/roster", authorization="Bearer secret") == b"there"
        assert "authorization" not in other.asked[0].headers
        assert await careful.get(f"{root}/local", authorization="Bearer secret") == b"here"
        assert pms.asked[-1].headers["authorization"] == "Bearer secret"
        assert await refusal(careful, f"{root}/round") == "redirects"


async def test_an_answer_is_bounded_in_size_time_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with web() as pms:
        pms.pages |= {
            "/endless": Answer(endless=True),
            "/packed": Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
            "/away": Answer(status=503),
        }
        fetcher = Fetcher([pms.authority])
        root = f"http://{pms.authority}"
        assert await refusal(fetcher, f"{root}/endless") == "long"
        assert await refusal(fetcher, f"{root}/packed") == "packed"
        assert await refusal(fetcher, f"{root}/away") == "status"
        monkeypatch.setattr(fetching, "MAX_BYTES", 1 << 60)
        monkeypatch.setattr(fetching, "WITHIN_S", 0.2)
        assert await refusal(fetcher, f"{root}/endless") == "slow"
    assert await refusal(fetcher, f"{root}/endless") == "unreachable"


async def test_a_certificate_is_checked_by_the_name_that_was_typed(tmp_path: Path) -> None:
    made = certificate(tmp_path, "127.0.0.1")
    async with web(tls=made.server()) as pms:
        pms.pages["/roster"] = Answer(b"[]")
        url = f"https://{pms.authority}/roster"
        assert await Fetcher([pms.authority], made.client()).get(url) == b"[]"
        assert await refusal(Fetcher([pms.authority]), url) == "unreachable", "nobody vouches for it"
        by_name = url.replace("127.0.0.1", "localhost")
        assert await refusal(Fetcher(["localhost"], made.client()), by_name) == "unreachable", "another name"
