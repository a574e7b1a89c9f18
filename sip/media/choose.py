"""Which media engine a site gets."""

import re
from typing import Final
from urllib.parse import urlsplit

from sip.media.relay import RtpRelay
from sip.media.rtpengine import Rtpengine
from sip.media.settings import MediaSettings

_ADDRESS: Final = re.compile(r"(?:[0-9.]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")


def make_engine(settings: MediaSettings) -> RtpRelay | Rtpengine:
    """A media engine, which is a component too. Raises ValueError where the settings contradict each other."""
    url = urlsplit(settings.rtpengine_url)
    if settings.engine == "python" or (settings.engine == "auto" and not settings.rtpengine_url):
        return RtpRelay(settings)
    if url.scheme != "udp" or not _ADDRESS.fullmatch(url.netloc):
        raise ValueError("media.rtpengine_url is not udp://ADDRESS:PORT")
    if settings.rtpengine_digits and not _ADDRESS.fullmatch(settings.rtpengine_digits):
        raise ValueError("media.rtpengine_digits is not ADDRESS:PORT")
    return Rtpengine(settings)
