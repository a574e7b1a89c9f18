"""Settings classes as they stand in the source: keys, defaults, types, and the comment beside each key.

A room declares its settings as a plain frozen dataclass, one key a line with its comment behind it (or on the lines
above); this is where `edge.toml` and its documentation come from, so that a key is described in one place only.
"""

import dataclasses
import functools
import inspect
import io
import re
import tokenize
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NOQA: Final = re.compile(r"noqa:[^#]*#*\s*")  # a word to the linter, not to the installer


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section."""

    name: str
    type: object  # the resolved annotation
    default: object
    comment: str


@functools.cache
def keys_of(settings: type) -> Mapping[str, Key]:
    """The keys of a settings class in the order they are declared. Every key has a default (TypeError otherwise)."""
    hints = typing.get_type_hints(settings)
    comments = _comments(settings)
    found: dict[str, Key] = {}
    for field in dataclasses.fields(settings):
        if field.default is not dataclasses.MISSING:
            default: object = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        else:
            raise TypeError(f"{settings.__name__}.{field.name} has no default")
        found[field.name] = Key(field.name, hints[field.name], default, comments.get(field.name, ""))
    return found


def _comments(settings: type) -> dict[str, str]:
    """Comment of each field: what stands behind it, else the comment lines directly above it."""
    lines, _ = inspect.getsourcelines(settings)
    source = inspect.cleandoc("".join(lines))
    above: list[str] = []
    comments: dict[str, str] = {}
    name = ""  # of the statement being read
    first = True  # the next token begins a statement
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = _NOQA.sub("", token.string.lstrip("# ")).strip()
            if name:
                comments[name] = f"{comments[name]} {text}" if name in comments else text
            else:
                above.append(text)
        elif token.type == tokenize.NEWLINE:
            if name and name not in comments and above:
                comments[name] = " ".join(above)
            above, name, first = [], "", True
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            if first and token.type == tokenize.NAME:
                name = token.string
            first = False
    return comments
