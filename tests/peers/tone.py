"""Tones in wav files: make them, and say for how long one is heard. Standard library only.

Two different tones at the two ends of a call tell a real path from an echo.
"""

import array
import math
import struct
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

RATE_HZ: Final = 8000
_WINDOW_MS: Final = 250
_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE


def make(path: Path, hz: float, seconds: float = 30.0, amplitude: float = 0.4) -> Path:
    """Write a pure tone, 8 kHz mono 16 bit, and return *path*."""
    step = 2 * math.pi * hz / RATE_HZ
    samples = array.array("h", (int(amplitude * 32767 * math.sin(step * i)) for i in range(int(RATE_HZ * seconds))))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())
    return path


def seconds_of(path: Path, hz: float, *, share: float = 0.8, floor: float = 0.01) -> float:
    """For how many seconds *hz* carries at least *share* of the energy, and is louder than *floor* (rms, 0..1).

    0.0 for a file that is not there or has no sound yet.
    """
    if not path.exists() or path.stat().st_size < 12:
        return 0.0
    rate, samples = read(path)
    heard = 0
    for window in _windows(samples, rate * _WINDOW_MS // 1000):
        rms = math.sqrt(sum(value * value for value in window) / len(window))
        heard += rms >= floor and _share_of(window, hz, rate) >= share
    return heard * _WINDOW_MS / 1000


def read(path: Path) -> tuple[int, Sequence[float]]:
    """Sample rate and the first channel as -1..1, also of a file whose header was never finished.

    Raises ValueError for anything but 16 bit or float wav.
    """
    raw = path.read_bytes()
    if raw[:4] != b"RIFF":
        raise ValueError(f"{path} is not a wav file")
    form, data = _chunks(raw)
    tag, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", form[:16])
    data = data[: len(data) // frame_bytes * frame_bytes]
    if bits == 16 and tag in (_PCM, _EXTENSIBLE):
        pcm = array.array("h", data)
        return rate, [value / 32768 for value in pcm[::channels]]
    if bits == 32 and tag in (_FLOAT, _EXTENSIBLE):
        return rate, array.array("f", data)[::channels]
    raise ValueError(f"{path}: wav format {tag} with {bits} bits")


def _chunks(raw: bytes) -> tuple[bytes, bytes]:
    position, form = 12, b""
    while position + 8 <= len(raw):
        name, size = raw[position : position + 4], struct.unpack("<I", raw[position + 4 : position + 8])[0]
        body = raw[position + 8 :]
        if name == b"fmt ":
            form = body[:size]
        if name == b"data":
            return form, body[:size] if 0 < size <= len(body) else body  # a killed writer leaves 0 or -1
        position += 8 + size + (size & 1)
    raise ValueError("a wav file without a data chunk")


def _windows(samples: Sequence[float], size: int) -> Iterator[Sequence[float]]:
    for start in range(0, len(samples) - size + 1, size):
        yield samples[start : start + size]


def _share_of(window: Sequence[float], hz: float, rate: int) -> float:
    """Share 0..1 of the window's energy at *hz*: Goertzel's filter over a Hann window."""
    size, turn = len(window), 2 * math.cos(2 * math.pi * hz / rate)
    last = before = energy = hann_energy = 0.0
    for index, value in enumerate(window):
        hann = 0.5 - 0.5 * math.cos(2 * math.pi * index / size)
        weighted = value * hann
        energy += weighted * weighted
        hann_energy += hann * hann
        last, before = weighted + turn * last - before, last
    if energy < 1e-9:
        return 0.0
    power = last * last + before * before - turn * last * before
    # a pure tone of amplitude A has power (A·n/4)² and energy A²·hann/2
    return min(1.0, power / (energy * size * size / 16) * hann_energy / 2)
