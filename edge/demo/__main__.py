"""`make demo`: a sample community, its daemon, simulated devices, and the main job played once.

    python -m edge.demo [--keep] [--folder .demo] [--svg docs/timeline.svg] [--phones own] [--broker embedded]

Exit status 0 only if every step really happened.
"""

import argparse
import asyncio
import functools
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from edge.demo.screen import Result, Screen
from edge.demo.site import COMMAND, CommandFailed
from edge.demo.stage import LANES, Stage, StepFailed, set_up
from edge.demo.steps import STEPS
from edge.phone.events import NotSeen
from edge.phone.handle import pjsua2_installed

_WIDTH_WITHOUT_TERMINAL: Final = 110
_INTERRUPTED: Final = 130  # as a shell says it
_MARK: Final = ".made-by-demo"  # only a folder with this file is ever removed


def main() -> int:
    """Run the demo; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m edge.demo", description=__doc__.split("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave it running, and print addresses and logins")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="where the site is made (default .demo)")
    parser.add_argument("--svg", type=Path, help="save what was shown as a picture")
    parser.add_argument("--phones", choices=("auto", "pjsua", "own"), default="auto", help="who is at the telephones")
    parser.add_argument("--broker", choices=("auto", "mosquitto", "embedded"), default="auto", help="whose MQTT broker")
    options = parser.parse_args()
    console = Console(record=True, highlight=False)
    if not console.is_terminal:
        console = Console(record=True, highlight=False, width=_WIDTH_WITHOUT_TERMINAL)
    if not _empty(options.folder):
        console.print(f"{options.folder} holds something that is not a demo: name another folder", markup=False)
        return 2
    try:
        return asyncio.run(_run(options, Screen(LANES, console)))
    except KeyboardInterrupt:  # everything is ended by now
        return _INTERRUPTED


def _empty(folder: Path) -> bool:
    """Make *folder* anew. False, and nothing is touched, if it holds something that no demo made."""
    if (folder / _MARK).exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return True


async def _run(options: argparse.Namespace, screen: Screen) -> int:
    folder = options.folder.resolve()
    own = options.phones == "own" or (options.phones == "auto" and not pjsua2_installed())
    phones = "our own SIP core" if own else "PJSUA2"
    screen.console.print(f"A sample community in {folder.name}/, simulated devices with telephones by {phones}")
    screen.header()
    try:
        async with set_up(folder, screen, options.phones, options.broker) as stage:
            results = await _play(stage)
            screen.table(results)
            if options.svg:
                screen.save_svg(options.svg)
            if options.keep:
                await _keep(stage)
    except (NotSeen, CommandFailed) as error:
        screen.console.print(f"The stage could not be set: {error}", style="bold red", markup=False)
        return 1
    return 0 if all(result.proof for result in results) else 1


async def _play(stage: Stage) -> list[Result]:
    """Every step, also after one that failed: its neighbours may tell why."""
    results = []
    for title, step in STEPS.items():
        stage.screen.title(title)
        began = time.monotonic()
        try:
            proof = await step(stage)
            results.append(Result(title, time.monotonic() - began, proof))
        except (StepFailed, NotSeen, CommandFailed, TimeoutError) as error:
            stage.screen.console.print(f"✗ {error}", style="bold red", markup=False)
            results.append(Result(title, time.monotonic() - began, None, str(error)[:400]))
    return results


async def _keep(stage: Stage) -> None:
    """Show how to join in, until interrupted."""
    show = functools.partial(stage.screen.console.print, markup=False, soft_wrap=True)
    show("\nRunning until Ctrl-C. Logins:")
    for who, login in stage.logins.items():
        sip, mqtt = login["sip"], login.get("mqtt")
        show(f"  {who}\n    SIP   {sip['server']}  user {sip['user']}  password {sip['password']}")
        if mqtt:
            where = f"{mqtt['host']}:{mqtt['port']}"
            show(f"    MQTT  {where}  user and client id {mqtt['user']}  password {mqtt['password']}")
    show(f"Look at it: {COMMAND} --site {stage.site.folder} status")
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    await interrupted.wait()


if __name__ == "__main__":
    sys.exit(main())
