"""SIPp: load, CANCEL races, loss, and a trunk that verifies our digest. UDP and TCP only, it has no TLS.

    async with Sipp(folder, "uas.xml", ip=…, echo=True): …          # a callee, until the block ends
    status = await Sipp(folder, "register_auth.xml", ip=…, target="127.0.0.1:5060", rows=[…], calls=20).finished(60)

Traps that the scenarios avoid: Call-ID is ``[call_id]`` or ``prefix///[call_id]``; a CANCEL counts messages back for
its branch; ``verifyauth`` reads only Authorization, so the trunk challenges with 401.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from edge.phone.lines import LineProcess

SCENARIOS: Final = Path(__file__).parent
_SAMPLES: Final = Path("/usr/share/sip-tester")  # comes with the package: speech as a capture file
TRUNK_USER: Final = "trunk"  # of trunk_verifies.xml
TRUNK_PASSWORD: Final = "trunkpw"
ALL_PASSED: Final = 0
SOME_FAILED: Final = 1


def login_row(user: str, password: str, *more: str) -> str:
    """A row of a scenario's data: user, its login in SIPp's words, and more fields."""
    return ";".join([user, f"[authentication username={user} password={password}]", *more])


class Sipp(LineProcess):
    """One SIPp process. Its log and errors are in *folder*."""

    def __init__(
        self,
        folder: Path,
        scenario: str,  # a file of this folder, or a whole scenario (`tests.peers.sipp.script`)
        *,
        ip: str,
        port: int = 5060,
        target: str = "",  # host:port of the server; "" = it waits for calls
        rows: Sequence[str] = (),  # data of the scenario, one row a call, in order
        calls: int = 0,  # 0 = without end
        rate_per_s: float = 10.0,
        lost_percent: int = 0,
        transport: str = "u1",  # u1 UDP | t1 TCP
        media_port: int = 16_000,
        echo: bool = False,
        challenge: int = 407,  # what the server challenges an INVITE with: 407 a proxy, 401 an edge
    ) -> None:
        name = "script" if scenario.startswith("<") else scenario.removesuffix(".xml")
        text = scenario if scenario.startswith("<") else (SCENARIOS / scenario).read_text()
        self.folder = folder.resolve() / f"sipp-{name}-{ip}"
        self._rows = tuple(rows)
        self._scenario = text.replace('response="407"', f'response="{challenge}"')
        argv = ["sipp", *([target] if target else []), "-sf", "scenario.xml", "-i", ip, "-p", str(port)]
        argv += ["-mp", str(media_port), "-t", transport, "-nostdin", "-trace_err"]
        if rows:
            argv += ["-inf", "rows.csv"]
        if calls:
            argv += ["-m", str(calls), "-r", f"{rate_per_s:g}"]
        if lost_percent:
            argv += ["-lost", str(lost_percent)]
        if echo:
            argv += ["-rtp_echo"]
        super().__init__(f"sipp {name}", argv)
        self.cwd = self.folder
        self.output: list[str] = []

    async def start(self) -> Self:
        self.folder.mkdir(parents=True)
        (self.folder / "scenario.xml").write_text(self._scenario)
        if self._rows:
            (self.folder / "rows.csv").write_text("\n".join(["SEQUENTIAL", *self._rows, ""]))
        speech = _SAMPLES / "g711a.pcap"
        if speech.exists():
            shutil.copy(speech, self.folder)
        self.stderr_file = self.folder / "stderr"
        return await super().start()

    async def finished(self, timeout_s: float) -> int:
        """Start it and wait for its end: ALL_PASSED or SOME_FAILED. Raises TimeoutError, then it is ended."""
        async with self:
            return await self.wait_ended(timeout_s)

    @property
    def complaints(self) -> str:
        """What it says went wrong."""
        return "\n".join(file.read_text(errors="replace")[-1500:] for file in self.folder.glob("*_errors.log"))

    def line_received(self, line: str) -> None:
        self.output.append(line)
        del self.output[:-200]

    async def say_quit(self) -> None:
        if self._transport is not None:
            self._transport.terminate()
