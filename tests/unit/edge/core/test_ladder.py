import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.ladder import MAX_PEERS, OTHERS, LadderMessage, LadderNote, draw, summarize

M = LadderMessage


def test_a_call_is_a_ladder():
    drawn = draw(
        [
            M(1_000, False, "a", "INVITE 101 sdp"),
            M(1_002, True, "a", "100 Trying"),
            M(1_004, True, "b", "INVITE 1 sdp"),
            M(1_004, True, "c", "INVITE 2 sdp"),
            M(4_000, False, "c", "200 OK sdp"),
            M(4_001, True, "b", "CANCEL 1"),
        ],
        {"a": "Gate", "b": "Hall", "c": "Ann"},
    )
    assert drawn == (
        "         Gate                edge                Hall                Ann\n"
        "   0.000 |- INVITE 101 sdp ->|                   |                   |\n"
        "   0.002 |<--- 100 Trying ---|                   |                   |\n"
        "   0.004 |                   |-- INVITE 1 sdp -->|                   |\n"
        "   0.004 |                   |------------ INVITE 2 sdp ------------>|\n"
        "   3.000 |                   |<------------- 200 OK sdp -------------|\n"
        "   3.001 |                   |---- CANCEL 1 ---->|                   |\n"
    )


def test_what_happened_beside_the_messages_stands_among_them():
    messages = [M(0, False, "a", "ACK 101"), LadderNote(2_000, "relay 1 opened\x07"), M(3_000, True, "a", "BYE 1")]
    assert draw(messages, {"a": "Gate"}) == (
        "         Gate              edge\n"
        "   0.000 |--- ACK 101 ---->|\n"
        "   2.000 | relay 1 opened? |\n"
        "   3.000 |<---- BYE 1 -----|\n"
    )


def test_no_messages_no_ladder():
    assert draw([]) == ""
    assert draw([LadderNote(0, "relay 1 opened")]) == ""


def test_a_caller_alone():
    lines = draw([M(0, False, "udp 10.0.0.5", "REGISTER")]).splitlines()
    assert lines[0].split() == ["udp", "10.0.0.5", "edge"]
    assert "REGISTER" in lines[1]
    assert lines[1].endswith(">|")


def test_a_long_word_is_cut_and_a_hostile_one_tamed():
    drawn = draw([M(0, True, "a", "x" * 100), M(0, True, "a", "\x1b]0;title\x07")], {"a": "\x1b[2Jgate"})
    assert "…" in drawn
    assert "\x1b" not in drawn
    assert "\x07" not in drawn


def test_more_peers_than_columns_share_the_last_one():
    drawn = draw([M(n, True, f"p{n}", f"to {n}") for n in range(MAX_PEERS + 3)])
    head, *lines = drawn.splitlines()
    assert head.endswith(OTHERS)
    assert len({len(line) for line in lines}) == 1


words = st.builds(
    LadderMessage, st.integers(0, 2**41), st.booleans(), st.sampled_from("abcdefghijklmnop"), st.text(max_size=60)
)


@given(st.lists(words, max_size=20))
def test_every_message_is_one_line_of_one_width(messages):
    lines = draw(messages).splitlines()
    assert len(lines) == (len(messages) + 1 if messages else 0)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (
            b"INVITE sip:101@edge SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0",
            "INVITE 101 sdp",
        ),
        (
            b"SIP/2.0 200 OK\r\nCSeq: 2 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
            b"m=audio 4000 RTP/AVP 96 8\r\n"
            b"a=rtpmap:96 opus/48000/2\r\na=sendonly\r\nm=video 0 RTP/AVP 99\r\nm=audio 4002/2 RTP/AVP 8\r\nm=x\r\n",
            "200 OK sdp audio 4000 opus sendonly video off audio 4002 PCMA",
        ),
        (b"INVITE sip:2%23123@edge;user=phone SIP/2.0\r\nc: application/sdp\r\n\r\nv=0", "INVITE 2%23123 sdp"),
        (b"BYE sip:10000001;x=y@10.0.0.5:5060 SIP/2.0\r\n\r\n", "BYE 10000001"),
        (b"OPTIONS sip:10.0.0.5:5060 SIP/2.0\r\n\r\n", "OPTIONS 10.0.0.5:5060"),
        (b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n", "180 Ringing"),
        (b"SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\n", "200 OK (BYE)"),
        (
            b'CANCEL sip:1@x SIP/2.0\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n\r\n',
            'CANCEL 1, SIP;cause=200;text="Call completed elsewhere"',
        ),
        (b"INFO sip:1@x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=1\r\nDuration=100", "INFO 1"),
        (b"SIP/2.0 486\r\n\r\n", "SIP/2.0 486"),
        (b"", ""),
        (b"\x00\x1b[2J\xff", "??[2J\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_message_in_short(data, summary):
    assert summarize(data) == summary


@given(st.binary(max_size=300))
def test_any_bytes_have_a_summary(data):
    assert summarize(data).isprintable()
