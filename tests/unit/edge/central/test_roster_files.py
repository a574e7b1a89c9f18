"""Rosters as files: whatever comes, it is leases or a refusal that says where."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.central.problems import Invalid
from edge.central.roster_files import read
from edge.central.rosters import Lease

ADA = Lease("L1", "Loft", "Ada", "", "2026-01-01", "2026-12-31", "ada@example.org")
SAME = [
    b"id,unit,first,email,start,until\nL1,Loft,Ada,ada@example.org,2026-01-01,2026-12-31\n",
    b"\xef\xbb\xbfUntil;Start;Email;First;Unit;ID\r\n2026-12-31;2026-01-01;ada@example.org;Ada;Loft;L1\r\n\r\n",
    b"id\tunit\tfirst\temail\tstart\tuntil\tdog\nL1\tLoft\tAda\tada@example.org\t2026-01-01\t2026-12-31\tRex\n",
    json.dumps([{"id": "L1", "unit": "Loft", "first": "Ada", "email": "ada@example.org", "start": "2026-01-01",
                 "until": "2026-12-31", "dog": "Rex"}]).encode(),
    b' {"leases": [{"id": "L1", "unit": "Loft", "first": "Ada", "email": "ada@example.org",'
    b'"start": "2026-01-01", "until": "2026-12-31"}]}',
]  # fmt: skip


@pytest.mark.parametrize("file", SAME)
def test_one_roster_in_many_spellings(file: bytes) -> None:
    assert read(file) == [ADA]


REFUSED = [
    (b"id,first\nL1,Ada\n", "row 1"),
    (b"id,unit,start\nL1,Loft,2026-01-01\nL2,,2026-01-01\n", "row 3, unit"),
    (b'[{"id": "L1", "unit": "Loft", "start": 1}]', "row 1, start"),
    (b'id,unit,start\n"L1,Loft', "no CSV"),
    (b"{}", "no array"),
]


@pytest.mark.parametrize(("file", "where"), REFUSED)
def test_a_refusal_says_where(file: bytes, where: str) -> None:
    with pytest.raises(Invalid, match=where):
        read(file)


@given(st.binary() | st.text().map(str.encode) | st.text(alphabet='id,unit;start"\n\t[{}]:\0').map(str.encode))
def test_no_file_breaks_the_reading(file: bytes) -> None:
    with contextlib.suppress(Invalid):
        assert all(isinstance(each, Lease) for each in read(file))
