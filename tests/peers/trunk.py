"""A telephone company: Kamailio that challenges, with a far telephone behind it.

async with Trunk(folder, ip, users={"house": "secret"}, far="127.0.0.42:5070"): …
"""

import asyncio
import glob
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from edge.phone.lines import LineProcess
from sip.flow import Address
from tests.peers.certificates import Certificate
from tests.peers.programs import KAMAILIO_MODULES

CONFIG: Final = Path(__file__).parent / "kamailio" / "trunk.cfg"
REALM: Final = "trunk.test"
NUMBER_UNAVAILABLE: Final = "0999"  # 503
NUMBER_UNALLOCATED: Final = "0998"  # 404
_START_WITHIN_S: Final = 15.0


class Kamailio(LineProcess):
    """Kamailio on *ip*:*port*, UDP and TCP, with *config* whose @NAMES@ stand for *values*; it answers when `start`
    returns. Its files are in *folder*, its log too."""

    def __init__(self, folder: Path, config: Path, ip: str, port: int, values: Mapping[str, str]) -> None:
        self.folder = folder.resolve()
        self.ip, self.port = ip, port
        self._config, self._values = config, values
        # -DD in the foreground; -Y run-time folder; -m and -M memory in MB
        file, run = str(self.folder / "kamailio.cfg"), str(self.folder)
        super().__init__("kamailio", ["kamailio", "-f", file, "-DD", "-E", "-e", "-Y", run, "-m", "32", "-M", "4"])
        self.output: list[str] = []

    async def start(self) -> Self:
        self.folder.mkdir(parents=True)
        text = self._config.read_text().replace("@MODULES@", f"{glob.glob(KAMAILIO_MODULES)[0]}/")
        for name, value in self._values.items():
            text = text.replace(f"@{name}@", value)
        (self.folder / "kamailio.cfg").write_text(text)
        self.stderr_file = self.folder / "log"
        await super().start()
        try:
            await until_answers(self.ip, self.port, _START_WITHIN_S)
        except TimeoutError:
            await self.stop()
            raise RuntimeError(f"kamailio did not answer: {self.stderr_file.read_text()[-2000:]}") from None
        return self

    def line_received(self, line: str) -> None:
        self.output.append(line)

    async def say_quit(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)  # its main process ends its children


class Trunk(Kamailio):
    """A provider's proxy on *ip*:5060, UDP and TCP, with *tls* on 5061."""

    def __init__(
        self,
        folder: Path,
        ip: str,
        users: Mapping[str, str],
        far: str,
        port: int = 5060,
        *,
        tls: Certificate | None = None,
    ) -> None:
        values = {
            "LISTEN": _listen(Address(ip, port), tls),
            "TLS": _tls(tls) if tls else "",
            "REALM": REALM,
            "FAR": far,
            "FAR_IP": Address.parse(far).host,
            "FAR_PORT": str(Address.parse(far).port),
            "USERS": "\n".join(f'  $sht(password=>{user}) = "{password}";' for user, password in users.items()),
        }
        super().__init__(folder / "trunk", CONFIG, ip, port, values)


class EdgeProxy(Kamailio):
    """A proxy on *ip*:5060 between telephones and the edge at *edge* (host:port)."""

    def __init__(self, folder: Path, ip: str, edge: str) -> None:
        values = {
            "LISTEN": _listen(Address(ip, 5060), None),
            "EDGE": edge,
            "EDGE_IP": Address.parse(edge).host,
        }
        super().__init__(folder / "proxy", CONFIG.with_name("edge_proxy.cfg"), ip, 5060, values)


def _listen(plain: Address, tls: Certificate | None) -> str:
    secure = plain._replace(port=plain.port + 1)
    lines = [f"listen=udp:{plain}", f"listen=tcp:{plain}"]
    return "\n".join([*lines, *([f"listen=tls:{secure}", "enable_tls=yes"] if tls else [])])


def _tls(files: Certificate) -> str:
    return "\n".join(
        [
            'loadmodule "tls.so"',
            'modparam("tls", "tls_method", "TLSv1.2+")',
            f'modparam("tls", "certificate", "{files.chain}")',
            f'modparam("tls", "private_key", "{files.key}")',
        ]
    )


class _Ping(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.answered.done():
            self.answered.set_result(data)


async def until_answers(ip: str, port: int, timeout_s: float) -> bytes:
    """The first answer, with whatever status, to OPTIONS over UDP, asked every 0.2 s. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    own = "::1" if ":" in ip else "127.0.0.1"
    transport, ping = await loop.create_datagram_endpoint(_Ping, local_addr=(own, 0))
    local = Address(*transport.get_extra_info("sockname")[:2])
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                transport.sendto(_options(ip, port, local), (ip, port))
                done, _ = await asyncio.wait({ping.answered}, timeout=0.2)
                if done:
                    return ping.answered.result()
    finally:
        transport.close()


def _options(ip: str, port: int, local: Address) -> bytes:
    unique, asked = time.monotonic_ns(), Address(ip, port)
    lines = [
        f"OPTIONS sip:{asked} SIP/2.0",
        f"Via: SIP/2.0/UDP {local};branch=z9hG4bKping{unique};rport",
        "Max-Forwards: 5",
        f"From: <sip:ping@{local}>;tag=ping{unique}",
        f"To: <sip:{asked}>",
        f"Call-ID: ping{unique}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:ping@{local}>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
