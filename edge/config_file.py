"""The commented `edge.toml` that `edge init` makes, written from the settings classes.

python -m edge.config_file > configs/edge.example.toml
"""

import enum
import sys
import textwrap
from collections.abc import Mapping
from typing import Final

from edge.config import SECTIONS, twin
from edge.settings_class import keys_of

_WIDTH: Final = 100
_HEAD: Final = f"""\
# The edge's configuration. A line that begins with # holds the default; take the # away to change it.
# Each setting has a twin in the environment that goes before this file: {twin("sip", "port")} is [sip] port.
# Passwords and keys never stand here: they are files in the folder secrets/.
# Unknown keys and contradictions are refused when the daemon starts; `edge doctor` shows them.

"""


def generate(changes: Mapping[str, object] | None = None) -> str:
    """The whole file with every key, its comment and its default; *changes* (`section.key` to value) are set."""
    changes = changes or {}
    parts = [_HEAD]
    for section, settings in SECTIONS.items():
        parts.append(f"[{section}]\n")
        for key in keys_of(settings).values():
            comment = key.comment[:1].upper() + key.comment[1:]
            parts += [f"# {line}\n" for line in textwrap.wrap(comment, _WIDTH)]
            setting = f"{section}.{key.name}"
            mark = "" if setting in changes else "#"
            parts.append(f"{mark}{key.name} = {toml_value(changes.get(setting, key.default))}\n\n")
    return "".join(parts).rstrip() + "\n"


def toml_value(value: object) -> str:
    """*value* as TOML writes it: text, numbers, booleans, enum members and lists of them."""
    if isinstance(value, enum.Enum):
        return toml_value(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    escaped = "".join(_escape(character) for character in str(value))
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


if __name__ == "__main__":
    sys.stdout.write(generate())
