"""One value of `edge.toml` or of the environment, checked against the type that its settings class declares."""

import enum
import math
import tomllib
import types
import typing
from collections.abc import Sequence

MAX_PORT = 65535


class BadValue(ValueError):
    """The value does not fit; the message says what is needed, in words that follow the key's name."""


def convert(name: str, wanted: object, value: object) -> object:
    """*value*, as TOML gives it, as the key *name* of type *wanted* needs it.

    Arrays become tuples, words become enum members. Numbers must be finite and not negative, and those of keys that
    end in ``port`` (or begin with ``port_``) must be ports. Raises BadValue.
    """
    origin = typing.get_origin(wanted)
    if origin is tuple:
        item = typing.get_args(wanted)[0]
        several = value if isinstance(value, list | tuple) else [value]  # one may stand without brackets
        return tuple(convert(name, item, each) for each in several)
    if origin in (typing.Union, types.UnionType):
        return _optional(name, typing.get_args(wanted), value)
    if origin is typing.Literal:
        return _choice(typing.get_args(wanted), value)
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return wanted(_choice([member.value for member in wanted], value))
    if wanted is bool:
        if not isinstance(value, bool):
            raise BadValue("needs true or false")
        return value
    if wanted is str:
        return _text(value)
    if wanted in (int, float):
        return _number(name, wanted is int, value)
    raise TypeError(f"{name}: settings of type {wanted} are not supported")


def from_environment(wanted: object, text: str) -> object:
    """*text* of an environment variable as the TOML value it stands for. Lists are `a,b` or a TOML array."""
    origin = typing.get_origin(wanted)
    if wanted is str or origin is typing.Literal or (isinstance(wanted, type) and issubclass(wanted, enum.Enum)):
        return text
    if origin is tuple and not text.lstrip().startswith("["):
        item = typing.get_args(wanted)[0]
        return [from_environment(item, part.strip()) for part in text.split(",") if part.strip()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text  # convert() then says what is needed


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("needs text in quotes")
    if any(not character.isprintable() for character in value):
        raise BadValue("must not contain control characters")
    return value


def _number(name: str, whole: bool, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise BadValue("needs a whole number" if whole else "needs a number")
    if not math.isfinite(value) or value < 0:
        raise BadValue("must not be negative" if value < 0 else "must be finite")
    if (name.endswith("port") or name.startswith("port_")) and value > MAX_PORT:
        raise BadValue(f"must be a port, 0 to {MAX_PORT}")
    return value if whole else float(value)


def _choice(choices: Sequence[object], value: object) -> object:
    if value not in choices or isinstance(value, bool):
        raise BadValue("must be one of " + ", ".join(str(choice) for choice in choices))
    return value


def _optional(name: str, choices: Sequence[object], value: object) -> object:
    problem: BadValue | None = None
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return convert(name, choice, value)
        except BadValue as error:
            problem = problem or error
    raise problem or BadValue("has no possible value")
