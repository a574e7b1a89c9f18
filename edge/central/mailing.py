"""Hands mail to the server that ``central.toml`` names."""

import ssl
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from edge.central.settings import Mail as MailSettings
from edge.central.subscriptions import Mail

WITHIN_S: Final = 30.0


class Mailer:
    """One connection for each message: there are few."""

    def __init__(self, settings: MailSettings, password: str | None) -> None:
        self._settings = settings
        self._password = password

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.host and self._settings.sender)

    async def send(self, mail: Mail) -> None:
        """Raises aiosmtplib.SMTPException or OSError where the server does not take it."""
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message.set_content(mail.text)
        await aiosmtplib.send(
            message, hostname=self._settings.host, port=self._settings.port, timeout=WITHIN_S,
            start_tls=self._settings.start_tls, username=self._settings.user or None, password=self._password,
            tls_context=ssl.create_default_context() if self._settings.start_tls else None,
        )  # fmt: skip
