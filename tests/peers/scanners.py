"""SIPVicious and sipsak, as attackers run them.

SIPVicious says its name in every request, which an attacker changes first: with *disguised* it says another.
"""

import asyncio
from pathlib import Path
from typing import Final

RUN_WITHIN_S: Final = 40.0
# The programs are Debian's own, with the system's Python; only the name in User-Agent is another.
_DISGUISE: Final = """
import importlib, sys
sys.path.insert(0, "/usr/share/sipvicious")
from sipvicious.libs import svhelper
make = svhelper.makeRequest
make.__defaults__ = tuple("Linphone/4.4" if value == "friendly-scanner" else value for value in make.__defaults__)
sys.argv = sys.argv[1:]
importlib.import_module(f"sipvicious.{sys.argv[0]}").main()
"""


async def scan(folder: Path, program: str, *arguments: str, disguised: bool = True) -> str:
    """All that svmap, svwar or svcrack prints. Raises TimeoutError, then it is ended."""
    command = ["/usr/bin/python3", "-c", _DISGUISE, program] if disguised else [program]
    return await output_of(folder, *command, *arguments)


async def output_of(folder: Path, *command: str) -> str:
    """What *command* prints, errors among it; its own files (SIPVicious keeps sessions) are in *folder*."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "200"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(RUN_WITHIN_S):
            printed, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return printed.decode(errors="replace")
