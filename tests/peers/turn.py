"""coturn with a shared secret, as a site's relay for apps outside.

async with Coturn(folder, ip, secret="s") as relay: …
"""

import os
import signal
from pathlib import Path
from typing import Final

from edge.phone.lines import LineProcess

PORT: Final = 3478


class Coturn(LineProcess):
    """On *ip*, for UDP; it takes credentials made of *secret* alone (``use-auth-secret``)."""

    def __init__(self, folder: Path, ip: str, secret: str) -> None:
        config = folder / "turnserver.conf"
        config.write_text(
            f"listening-ip={ip}\nrelay-ip={ip}\nlistening-port={PORT}\nuse-auth-secret\nstatic-auth-secret={secret}\n"
            f"realm=door\nallow-loopback-peers\nno-cli\nno-tls\nno-dtls\nno-tcp\nlog-file=stdout\nverbose\n"
            f"pidfile={folder / 'turnserver.pid'}\nuserdb={folder / 'turndb'}\n"
        )
        super().__init__("coturn", ["turnserver", "-c", str(config)])
        self.url = f"turn:{ip}:{PORT}"
        self.output: list[str] = []

    def line_received(self, line: str) -> None:
        self.output.append(line)

    async def say_quit(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)
