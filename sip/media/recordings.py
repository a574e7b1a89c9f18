"""Recordings that a caller hears before its call is refused or cut: those of the package, and a community's own."""

import importlib.resources
import logging
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sip.media import g711

LANGUAGES: Final = ("en", "ru")
RECORDING_MAX_S: Final = 8.0  # what is longer is cut: a caller who is told no wants to know it soon
FILE_BYTES_MAX: Final = 2_000_000
_EXTENSIBLE: Final = 0xFFFE  # the format proper stands further on
_TAGS: Final = {g711.PCMA: 6, g711.PCMU: 7}
_FORMAT: Final = struct.Struct("<HHIIHH")
_CHUNK: Final = struct.Struct("<4sI")

log: Final = logging.getLogger(__name__)


class RecordingError(ValueError):
    """Not a recording that can be played; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording in A-law."""

    pcma: bytes

    @property
    def duration_s(self) -> float:
        return len(self.pcma) / g711.RATE_HZ

    def frames(self, payload: int) -> tuple[bytes, ...]:
        """Frames of 20 ms for RTP payload type *payload*, `g711.PCMA` or `g711.PCMU`; the last is filled up."""
        sound = self.pcma.translate(g711.ALAW_TO_MULAW) if payload == g711.PCMU else self.pcma
        sound += bytes([g711.SILENCE[payload]]) * (-len(sound) % g711.FRAME_BYTES)
        return tuple(sound[at : at + g711.FRAME_BYTES] for at in range(0, len(sound), g711.FRAME_BYTES))


def parse_wav(data: bytes) -> Recording:
    """A RIFF wave file, 8 kHz mono: 16-bit PCM, A-law or µ-law. Raises RecordingError."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise RecordingError("not a wav file")
    form, sound = _chunks(data)
    if len(form) < _FORMAT.size or not sound:
        raise RecordingError("no sound in it")
    tag, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(form)
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = form[24] | form[25] << 8
    if channels != 1 or rate_hz != g711.RATE_HZ:
        raise RecordingError(f"{rate_hz} Hz with {channels} channels, not 8000 Hz with one")
    longest = int(RECORDING_MAX_S * g711.RATE_HZ)
    match tag, bits:
        case (1, 16):
            return Recording(g711.encode(sound[: 2 * longest]))
        case (6, 8):
            return Recording(sound[:longest])
        case (7, 8):
            return Recording(sound[:longest].translate(g711.MULAW_TO_ALAW))
        case _:
            raise RecordingError(f"format {tag} with {bits} bits; 16-bit PCM, A-law or µ-law can be played")


def wav_of(frames: Iterable[bytes], payload: int) -> bytes:
    """A wave file of G.711 *frames*."""
    sound = b"".join(frames)
    form = _FORMAT.pack(_TAGS[payload], 1, g711.RATE_HZ, g711.RATE_HZ, 1, 8)
    chunks = _CHUNK.pack(b"fmt ", len(form)) + form + _CHUNK.pack(b"data", len(sound)) + sound
    return _CHUNK.pack(b"RIFF", 4 + len(chunks)) + b"WAVE" + chunks


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """The format and the sound of a wave file; empty where missing."""
    form = sound = b""
    at = 12
    while at + _CHUNK.size <= len(data):
        name, size = _CHUNK.unpack_from(data, at)
        body = data[at + _CHUNK.size : at + _CHUNK.size + size]
        if name == b"fmt " and not form:
            form = body
        elif name == b"data" and not sound:
            sound = body
        at += _CHUNK.size + size + (size & 1)
    return form, sound


Recordings = Mapping[str, Recording]


def load(language: str, names: Iterable[str], own: Path | None = None) -> Recordings:
    """The recordings called *names*: of the folder *own* where it has ``NAME.wav``, else ours in *language*.

    A file of the community that cannot be played is passed over with a warning: the door must ring all the same.
    Raises KeyError for a language we do not have.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    found: dict[str, Recording] = {}
    package = importlib.resources.files("sip.media.announcements")
    for name in names:
        file = own / f"{name}.wav" if own is not None else None
        theirs = _own(file) if file is not None and file.is_file() else None
        found[name] = theirs or parse_wav(package.joinpath(f"{language}_{name}.wav").read_bytes())
    return found


def _own(file: Path) -> Recording | None:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise RecordingError(f"larger than {FILE_BYTES_MAX} bytes")
        return parse_wav(file.read_bytes())
    except (OSError, RecordingError) as error:
        log.warning("%s is not played, ours is: %s", file, error)
        return None
