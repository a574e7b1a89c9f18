"""Formats that several vendors share. What comes from outside (names) can end no line and open no tag."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree  # only for what we write; parsing goes through `parse_xml`
from xml.etree.ElementTree import Element

MAX_BYTES: Final = 4 * 1024 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")


def one_line(text: str, without: str = "") -> str:
    """*text* without control characters and without the characters *without*."""
    kept = _CONTROL.sub(" ", text)
    return "".join(character for character in kept if character not in without).strip()


def key_values(items: Mapping[str, str]) -> bytes:
    """A line ``key = value`` for each. Raises ValueError for a value that would be more than its line."""
    for key, value in items.items():
        if _CONTROL.search(value):
            raise ValueError(f"{key} has a control character")
    return "".join(f"{key} = {value}\n" for key, value in items.items()).encode()


def parse_key_values(body: bytes) -> dict[str, str]:
    """Lines ``key = value``, comments (#) left out; the last of two counts. Raises ValueError."""
    items: dict[str, str] = {}
    for number, line in enumerate(_text(body).splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, sign, value = stripped.partition("=")
        if not sign or not key.strip():
            raise ValueError(f"line {number} is not of the form KEY = VALUE")
        items[key.strip()] = value.strip()
    return items


def element(
    tag: str, text: str = "", children: Iterable[Element] = (), attributes: Mapping[str, str] | None = None
) -> Element:
    """An element of a document."""
    made = Element(tag, dict(attributes or {}))
    made.text = text or None
    made.extend(children)
    return made


def xml(root: Element) -> bytes:
    """The document, indented, with its declaration."""
    ElementTree.indent(root)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True, short_empty_elements=True)
    return body + b"\n"


def parse_xml(body: bytes) -> Element:
    """The root of a document without a document type: no entity of anybody's is ever opened. Raises ValueError."""
    text = _text(body)
    if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):
        raise ValueError("a document type is not taken")
    try:
        return ElementTree.fromstring(text)  # noqa: S314  # no document type, so no entities; the size is bounded
    except ElementTree.ParseError as error:
        raise ValueError(f"no XML: {error}") from error


def _text(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES} bytes")
    return body.decode("utf-8-sig")
