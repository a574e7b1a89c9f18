"""What the daemon tells on stderr: JSON for a journal, plain lines for a person. Nothing secret gets through."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from edge.config import LogSettings

_SECRET_KEYS: Final = frozenset({"pin", "value", "tag", "password", "authorization", "token", "secret"})
_QUIET: Final = ("uvicorn", "uvicorn.error", "httpx", "httpcore", "asyncio", "sqlalchemy", "alembic", "amqtt")


def configure(settings: LogSettings) -> None:
    """Send the log of this process to stderr as *settings* say. Once, at start."""
    as_text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if as_text else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what should never have been given to the log."""
    for key in _SECRET_KEYS.intersection(event):
        event[key] = "***"
    return event
