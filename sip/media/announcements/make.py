"""Make the recordings anew from `texts.toml`; needs the Debian packages espeak-ng and ffmpeg.

    python -m sip.media.announcements.make

Only for developers: the recordings are kept beside this file, and the daemon never runs this.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
WORDS_A_MINUTE: Final = "150"
VOICES: Final = {"en": "en-gb", "ru": "ru"}
# Telephone band, as loud as speech from a phone, a moment of silence in front for whoever opens its sound late.
FILTER: Final = "highpass=f=250,speechnorm=peak=0.7,adelay=200,apad=pad_dur=0.1"


def make(language: str, name: str, text: str) -> Path:
    """Write one recording and return its file."""
    file = HERE / f"{language}_{name}.wav"
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        speak = ["espeak-ng", "-v", VOICES[language], "-s", WORDS_A_MINUTE, "-w", str(spoken), text]
        subprocess.run(speak, check=True)  # noqa: S603 - texts of this repository, no shell
        convert = ["ffmpeg", "-loglevel", "error", "-y", "-i", str(spoken), "-af", FILTER, "-ar", "8000", "-ac", "1"]
        convert += ["-c:a", "pcm_alaw", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
        subprocess.run([*convert, str(file)], check=True)  # noqa: S603 - as above
    return file


def main() -> None:
    """All of them."""
    texts = tomllib.loads((HERE / "texts.toml").read_text())
    for language, said in texts.items():
        for name, text in said.items():
            file = make(language, name, text)
            sys.stdout.write(f"{file.name}  {file.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
