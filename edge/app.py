"""The composition root: from a site folder to a running daemon. The list of components is the architecture."""

import asyncio
import json
import logging
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge.admin.restoring import put_in_place
from edge.admin.site import SiteError
from edge.component import Component, serve
from edge.config import FILE_NAME, Config, ConfigError, load
from edge.house import House, build
from edge.logs import configure
from edge.runtime import AlreadyRunning, Ending, only_daemon, sd_notify, settle_memory
from edge.store.errors import StoreDamaged, StoreError
from edge.store.integrity import WHAT_TO_DO
from edge.store.secrets import SecretsError
from mqtt.broker.supervisor import BrokerFailed

FAILED: Final = 1
log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The daemon cannot start; the message says why and what to do."""


def main(site: Path, *, as_json: bool = False) -> int:
    """Serve *site* until SIGTERM or SIGINT. Returns the exit code; everything a person must know is on stderr."""
    try:
        config = load(site / FILE_NAME)
        configure(config.log)
        with only_daemon(site / "run"):
            asyncio.run(_serve(site, config, as_json))
    except ConfigError as error:
        _complain(*map(str, error.problems))
        return FAILED
    except AlreadyRunning as error:
        _complain(f"another daemon serves {site} already (process {error})")
        return FAILED
    except StoreDamaged as error:
        _complain(f"the database is damaged: {error}; {WHAT_TO_DO}")
        return FAILED
    except (CannotStart, StoreError, SecretsError) as error:
        _complain(str(error))
        return FAILED
    except OSError as error:  # of the site's folder, before anything runs
        _complain(f"{error.filename or site}: {error.strerror}")
        return FAILED
    return 0


async def _serve(site: Path, config: Config, as_json: bool) -> None:
    """Serve until the end, beginning anew after each restore."""
    ending = Ending()
    while not ending.for_good:
        await _serve_once(site, config, as_json, ending)
        if ending.restore is None:
            return
        await asyncio.to_thread(_put_in_place, site, ending.restore)
        ending.again()
        config = load(site / FILE_NAME)


async def _serve_once(site: Path, config: Config, as_json: bool, ending: Ending) -> None:
    try:
        house = build(site, config, ending)
    except (OSError, ValueError) as error:
        raise CannotStart(str(error)) from error
    settle_memory()
    ready = asyncio.Event()
    _listen_for_signals(ending, house)
    telling = asyncio.ensure_future(_tell_when_ready(house, ready, as_json))
    try:
        await _run(house.components, ending.asked, ready)
    finally:
        telling.cancel()
        sd_notify("STOPPING=1" if ending.restore is None else "RELOADING=1")
        house.store.close()


def _put_in_place(site: Path, prepared: Path) -> None:
    """What was checked before is in force now; where that fails, what is there goes on serving."""
    try:
        put_in_place(site, prepared)
    except (SiteError, StoreError, SecretsError, OSError) as error:
        log.error("the restore failed: %s", error)
        return  # the folder that is left tells the command line
    shutil.rmtree(prepared, ignore_errors=True)
    log.warning("the site is restored from a backup; what was there is kept beside it")


async def _run(components: Sequence[Component], stopping: asyncio.Event, ready: asyncio.Event) -> None:
    try:
        await serve(components, stopping, ready)
    except OSError as error:  # of a start: nothing runs yet
        raise CannotStart(f"an address cannot be used: {error}") from error
    except BrokerFailed as error:
        raise CannotStart(f"the MQTT broker does not start: {error}") from error


def _listen_for_signals(ending: Ending, house: House) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.stop)
    loop.add_signal_handler(signal.SIGHUP, house.reload)


async def _tell_when_ready(house: House, ready: asyncio.Event, as_json: bool) -> None:
    """One line on stdout (decision 36), and a word to the service manager."""
    await ready.wait()
    sd_notify("READY=1")
    where = house.addresses()
    if as_json:
        line = json.dumps({"event": "ready", "community": house.community, **where})
    else:
        parts = [f"{name} {_where(place)}" for name, place in where.items()]
        line = f"intercom-edge is ready: community {house.community}, " + ", ".join(parts)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _where(place: object) -> str:
    if isinstance(place, dict):
        return " ".join(f"{name} {_where(value)}" for name, value in place.items() if value)
    if isinstance(place, list):
        return "/".join(map(str, place))
    return str(place)


def _complain(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"edge: {line}\n")
