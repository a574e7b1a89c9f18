"""From the central store to the door and back, all as processes, within what a person waits.

The numbers for a machine of its own are those of `benchmarks.sync_whole`; here others are at work too.
"""

from pathlib import Path

import pytest

from benchmarks import sync_whole

BUSY: float = 10.0
"""So many times slower a shared machine may be."""


@pytest.mark.timeout(180)
async def test_a_card_is_given_and_taken_and_what_waited_is_told(tmp_path: Path, address: str) -> None:
    found = await sync_whole.run(tmp_path, address, cards=2, events=2_000)
    assert found.given_s < 1 * BUSY
    assert found.revoked_s < 2 * BUSY
    assert found.uploaded_s < 60
