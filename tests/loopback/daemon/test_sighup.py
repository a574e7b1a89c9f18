"""SIGHUP to a running daemon: edge.toml is read again, and the log says what of it is in force."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from edge.demo.site import Site
from tests.fakes.sip_service import until


async def test_the_daemon_reads_its_file_again(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init(settings={"mqtt": {"broker": "embedded"}})
    said, file = tmp_path / "daemon.log", site.folder / "edge.toml"
    async with site.daemon(said) as daemon:
        assert daemon.pid is not None
        text = file.read_text().replace("#ring_time_s = 20.0", "ring_time_s = 7.0")
        file.write_text(text.replace('#colour = ""', 'colour = "#00aa00"'))
        os.kill(daemon.pid, signal.SIGHUP)
        await until(lambda: "only after a restart: app.colour" in said.read_text())
        assert "in force now: calls.ring_time_s" in said.read_text()
        file.write_text("[calls]\nring_time_s = never\n")
        os.kill(daemon.pid, signal.SIGHUP)
        await until(lambda: "what was in force stays" in said.read_text())
    assert daemon.status == 0
