"""``python -m edge.simulators``: a simulated door phone in a window of its own, and hands to use it with.

python -m edge.simulators akuvox 0c1105000001 127.0.0.61:8061     plug one in, in its factory state
python -m edge.simulators autop 127.0.0.61:8061 URL               type the provisioning URL into its page
python -m edge.simulators pin 127.0.0.61:8061 < PIN               type a PIN, from standard input
python -m edge.simulators card 127.0.0.61:8061 < CARD             hold a card in front of it
python -m edge.simulators dial 127.0.0.61:8061 101                call an apartment
python -m edge.simulators plug|cover|state 127.0.0.61:8061        cut the power; take the cover off; look
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from edge.phone.handle import Phone, PhoneSettings
from edge.simulators.akuvox import AkuvoxDevice
from edge.simulators.akuvox_panel import AkuvoxPanel
from edge.simulators.akuvox_web import akuvox

_WITHIN_S: Final = 60.0
_FROM_STDIN: Final = ("pin", "card")
_USAGE: Final = 2


def main(arguments: Sequence[str]) -> int:
    """0 done, 1 it did not work (or the door stayed shut), 2 misuse."""
    if len(arguments) < 2:
        sys.stderr.write(__doc__ or "")
        return _USAGE
    if arguments[0] == "akuvox":
        asyncio.run(_plug_in(arguments[1], arguments[2]))
        return 0
    if arguments[0] == "telephone":
        asyncio.run(_answer(arguments[1], json.load(sys.stdin)["sip"]))
        return 0
    return _use(arguments)


def _ending() -> asyncio.Event:
    """Set by SIGTERM and Ctrl-C."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended


async def _answer(ip: str, login: Mapping[str, str]) -> None:
    """A telephone at *ip* that registers and takes every call after half a second."""
    ended = _ending()
    settings = PhoneSettings(
        ip, login["user"], login["password"], domain=login["server"].rpartition(":")[0],
        registrar=f"sip:{login['server']}", tone_hz=880,
    )  # fmt: skip
    async with Phone(settings, "own") as phone:
        await phone.registered(_WITHIN_S)
        _tell({"event": "registered", "user": login["user"]})
        await ended.wait()


async def _plug_in(mac: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    ended = _ending()
    panel = AkuvoxPanel(AkuvoxDevice(mac.lower(), _clock), tell=_tell, sip_ip=host, boot_s=0.2)
    async with akuvox(panel, host, int(port)):
        await ended.wait()


def _use(arguments: Sequence[str]) -> int:
    what, address, *more = arguments
    base = f"http://{address}"
    if what == "autop":
        answer = httpx.post(f"{base}/web/autop", json={"url": more[0]}, auth=("admin", "admin"), timeout=_WITHIN_S)
    elif what == "state":
        answer = httpx.get(f"{base}/front/state", timeout=_WITHIN_S)
    else:
        value = sys.stdin.readline().strip() if what in _FROM_STDIN else "".join(more[:1])
        body = {"dial": {"number": value}}.get(what, {what: value})
        answer = httpx.post(f"{base}/front/{what}", json=body, timeout=_WITHIN_S)
    if answer.status_code != httpx.codes.OK:
        sys.stderr.write(f"{what}: {answer.status_code}\n")
        return 1
    told: Mapping[str, Any] = answer.json()
    _tell(told)
    return int(told.get("opened") is False or told.get("call", "answered") != "answered")


def _tell(event: Mapping[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def _clock() -> tuple[str, str]:
    return time.strftime("%Y-%m-%d", time.gmtime()), time.strftime("%H:%M:%S", time.gmtime())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
