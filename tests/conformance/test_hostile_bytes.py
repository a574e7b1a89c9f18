"""Every parser under bytes that nobody would send: drawn, bent from good ones, and those that a fuzzer kept."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip import digest, session_timer
from sip.media.rtcp import is_rtcp
from sip.message import Headers, Response, Via
from sip.uri import UriError, parse_params
from tests.fuzz.seeds import kept
from tests.fuzz.targets import TARGETS

EXAMPLES = 150  # of each target and kind
NAMES = sorted(TARGETS)
# What a bent message is bent with: what separates, ends, quotes and counts in any of the formats.
PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\n\r\n", b";", b",", b":", b"=", b'"', b"\\", b"<", b">", b"[", b"]",
         b"@", b"%", b"%00", b"\0", b"\xff", b" ", b"\t", b"-1", b"99999999999", b"2147483648", b"sip:", b"a=", b"m="]
    ),
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_was_kept_breaks_nothing(name):
    inputs = kept(name)
    assert len(inputs) >= 1
    for path in inputs:
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_drawn_bytes_break_nothing(name):
    @settings(max_examples=EXAMPLES)
    @given(st.binary(max_size=400))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


@pytest.mark.parametrize("name", NAMES)
def test_good_bytes_that_were_bent_break_nothing(name):
    inputs = [path.read_bytes() for path in kept(name)]

    @settings(max_examples=EXAMPLES)
    @given(st.sampled_from(inputs), st.data())
    def holds(good: bytes, data: st.DataObject) -> None:
        bent = good
        for _ in range(data.draw(st.integers(1, 3))):
            at, cut = data.draw(st.integers(0, len(bent))), data.draw(st.integers(0, 8))
            bent = bent[:at] + data.draw(PIECES) + bent[at + cut :]
        TARGETS[name](bent)

    holds()


def test_the_corpus_is_small():
    """It is read on every run, and by people when they look for a message of some kind."""
    files = [path for name in NAMES for path in (Path(__file__).parents[1] / "fuzz" / "corpus" / name).iterdir()]
    assert len(files) < 300
    assert max(path.stat().st_size for path in files) <= 4096


# --- readers of single values -----------------------------------------------------------------------------------------

TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
PARAMS = st.lists(st.tuples(TOKENS.map(str.lower), st.one_of(st.none(), TOKENS)), max_size=4).map(tuple)
HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9\-.]{0,20}[a-z0-9])?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"),
)


@given(TOKENS.map(str.upper), HOSTS, st.one_of(st.none(), st.integers(1, 65535)), PARAMS)
def test_any_via_is_written_and_read_alike(transport, host, port, params):
    via = Via(transport, host, port, params)
    assert Via.parse(str(via)) == via


@given(st.text(max_size=200))
def test_no_text_upsets_a_reader_of_via_or_parameters(text):
    for read in (Via.parse, parse_params, lambda t: Via.parse(f"SIP/2.0/UDP {t}")):
        try:
            read(text)
        except UriError:
            continue


VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9\-]{0,40}", fullmatch=True), VALUES, min_size=1, max_size=8))
def test_any_digest_is_written_and_read_alike(fields):
    quoted = (f'{name}="{value}"' for name, value in fields.items() if not set(value) & set('"\\'))
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in fields.items()}
    assert digest.parse_digest("Digest " + ", ".join(f'{n}="{v}"' for n, v in escaped.items())) == fields
    plain = {name: value for name, value in fields.items() if not set(value) & set('"\\')}
    if plain:
        assert digest.parse_digest("Digest " + ",".join(quoted)) == plain


@pytest.mark.parametrize("end", ["", ",", ", "])
@pytest.mark.parametrize("more", ["", ', long-name-that-goes-the-long-way-round="1"'])
def test_both_readers_of_a_digest_agree(more, end):
    """Found by the fuzzer: a backslash in a bare value, and a comma with a space at the end."""
    fields = digest.parse_digest(rf'Digest realm="a\\b", opaque=c\d{more}{end}')
    assert fields is not None
    assert (fields["realm"], fields["opaque"]) == (r"a\b", r"c\d")
    short = digest.parse_digest(rf"Digest opaque=c\d{end}")
    assert short == {"opaque": r"c\d"}


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=60))
def test_no_session_expires_upsets_its_reader(text):
    answer = Response(200, headers=Headers([("Session-Expires", text)]))
    asked_s = session_timer.asked_interval_s(answer)
    terms = session_timer.terms_of_answer(answer)
    assert (terms is None) == (asked_s is None)
    assert terms is None or terms.interval_s >= session_timer.MIN_SE_S


@given(st.binary(max_size=40))
def test_rtcp_is_told_from_the_rest(data):
    """RFC 5761 §4: no packet is taken for both RTCP and an RTP packet of a payload type in use."""
    if is_rtcp(data):
        assert 64 <= data[1] & 0x7F <= 95
