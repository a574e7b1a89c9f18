"""`python -m mqtt.broker CONFIG`: serve until SIGTERM, read the accounts again on SIGHUP."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from mqtt.broker.child.broker import HardenedBroker
from mqtt.broker.child.gate import Gate
from mqtt.broker.embedded import ChildConfig

log = logging.getLogger(__name__)


async def serve(config: ChildConfig) -> None:
    """Raises OSError and ValueError where it cannot begin."""
    broker = HardenedBroker(Gate.read(config.topics, config.accounts_file))
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def reload() -> None:
        try:
            broker.new_gate(Gate.read(config.topics, config.accounts_file))
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("accounts not read, the old ones stay in force: %r", error)

    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    for listener in config.listeners:
        await broker.listen(listener)
    await stopping.wait()
    await broker.close()


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)  # it writes a warning for each bad login
    try:
        config = ChildConfig.from_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
        asyncio.run(serve(config))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        log.error("%s", error)
        return 1
    return 0
