"""The rules of a community's things, one function a field: what is typed goes in, what may be stored comes out.

A broken rule names the field and the rule, so that a person and a program can both tell what to change. What depends
on other things (a name taken, a MAC bound) is checked where they are known, in `edge.admin` and `edge.core.template`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers

from models.access import UnlockMethod
from models.call import CallType
from models.device import DeviceType
from models.ids import Mac, parse_mac
from models.service import FeaturePlan

NAME_MAX_CHARS: Final = 128
PERSON_NAME_MAX_CHARS: Final = 64
FLOOR_MAX_CHARS: Final = 16
MAX_FLOORS: Final = 200
EMAIL_MAX_CHARS: Final = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
URL_MAX_CHARS: Final = 1024
WEB_RELAY_MAX: Final = 65535
RELAY_NUMBERS: Final = range(1, 5)
HOLD_S: Final = range(1, 61)
TRIGGER_S: Final = range(11)
LANGUAGE_MAX_CHARS: Final = 16

_APARTMENT: Final = re.compile(r"[0-9]{1,6}(?:#[0-9]{1,6})*")
_APARTMENT_MAX_CHARS: Final = 64
_POST_CODE: Final = re.compile(r"[A-Za-z0-9]{1,16}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)*")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_DTMF: Final = re.compile(r"[0-9A-D*#]{1,8}")
_PHONE: Final = re.compile(r"\+?[0-9() ./-]+")
_PHONE_FILLERS: Final = str.maketrans("", "", "() ./-")
_E164: Final = re.compile(r"\+[1-9][0-9]{4,14}")
_SHORT_NUMBER: Final = re.compile(r"[0-9]{2,6}")
_CALLING_CODE: Final = re.compile(r"\+?([1-9][0-9]{0,2})")
_CALL_TYPES: Final = {str(int(each)): each for each in CallType}
_DEVICE_TYPES: Final = {str(int(each)): each for each in DeviceType}
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_TEXT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, halves of pairs, line and paragraph separators

DOOR_METHODS: Final = frozenset(
    {
        UnlockMethod.PIN,
        UnlockMethod.RF_CARD,
        UnlockMethod.NFC,
        UnlockMethod.FACE,
        UnlockMethod.BLUETOOTH,
        UnlockMethod.QR,
        UnlockMethod.DTMF,
        UnlockMethod.APP_HOME,
        UnlockMethod.APP_TALK,
        UnlockMethod.EXIT_BUTTON,
        UnlockMethod.GUARD,
        UnlockMethod.REMOTE,
    }
)
"""What a door's relay lists unless the installer says otherwise (decision 46)."""

# A relay lists PIN for both PIN modes, and fire needs no listing (decisions 10, 13).
NOT_ON_A_RELAY: Final = frozenset({UnlockMethod.APT_PIN, UnlockMethod.FIRE})


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken rule. *field* is the option's name with ``_``; *rule* a stable word; *message* for a person."""

    field: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class RuleBroken(ValueError):
    """What was asked breaks a rule of the domain; nothing was changed."""

    def __init__(self, field: str, rule: str, message: str) -> None:
        self.problem = Problem(field, rule, message)
        super().__init__(str(self.problem))


def text(field: str, typed: str, max_chars: int, *, may_be_empty: bool = True) -> str:
    """*typed* without spaces around it, in Unicode form NFC. Lengths count code points."""
    if not typed.isprintable() and any(unicodedata.category(c) in _NOT_TEXT or c in _BIDI_CONTROLS for c in typed):
        raise RuleBroken(field, "control_character", "must not contain control characters")
    clean = unicodedata.normalize("NFC", typed.strip())
    if not clean and not may_be_empty:
        raise RuleBroken(field, "missing", "must not be empty")
    if len(clean) > max_chars:
        raise RuleBroken(field, "too_long", f"has {len(clean)} characters, at most {max_chars} are allowed")
    return clean


def building_name(typed: str, field: str = "building") -> str:
    return text(field, typed, NAME_MAX_CHARS, may_be_empty=False)


def apartment_number(typed: str, field: str = "apartment") -> str:
    """Groups of 1-6 ASCII digits joined by ``#``, never starting with ``#``. Zeros are kept."""
    number = typed.strip(" ")
    if not _APARTMENT.fullmatch(number) or len(number) > _APARTMENT_MAX_CHARS:
        message = f"{typed!r} is not an apartment number: groups of 1 to 6 digits joined by #, for example 101 or 2#123"
        raise RuleBroken(field, "apartment_number", message)
    return number


def name(field: str, typed: str, *, may_be_empty: bool = True) -> str:
    """Name of a community, an apartment, a device, a relay, a schedule or a camera."""
    return text(field, typed, NAME_MAX_CHARS, may_be_empty=may_be_empty)


def person_name(field: str, typed: str) -> str:
    return text(field, typed, PERSON_NAME_MAX_CHARS)


def email(typed: str, field: str = "email") -> str:
    address = text(field, typed, EMAIL_MAX_CHARS)
    if address and not _EMAIL.fullmatch(address):
        raise RuleBroken(field, "email", f"{address!r} is not an e-mail address")
    return address


def language(typed: str) -> str:
    if not _LANGUAGE.fullmatch(typed) or len(typed) > LANGUAGE_MAX_CHARS:
        raise RuleBroken("language", "language", f"{typed!r} is not a language, for example en or pl")
    return typed


def floors(field: str, typed: str) -> tuple[str, ...]:
    """``1,2,B1``: floors of a lift, each once, in the order typed."""
    found = [text(field, part, FLOOR_MAX_CHARS) for part in typed.split(",")]
    if any(not floor for floor in found) and len(found) > 1:
        raise RuleBroken(field, "floors", "has an empty place between commas")
    if len(found) > MAX_FLOORS:
        raise RuleBroken(field, "too_long", f"has {len(found)} floors, at most {MAX_FLOORS} are allowed")
    return tuple(dict.fromkeys(floor for floor in found if floor))


def call_type(typed: str, field: str = "call_type") -> CallType:
    if typed not in _CALL_TYPES:
        raise RuleBroken(field, "call_type", f"{typed!r} is not a call type, 0 to 5")
    return _CALL_TYPES[typed]


def web_relay(typed: str, field: str = "web_relay") -> int:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 5 else -1
    if not 0 <= number <= WEB_RELAY_MAX:
        raise RuleBroken(field, "web_relay", f"{typed!r} is not a web relay, 0 (none) to {WEB_RELAY_MAX}")
    return number


def yes_or_no(field: str, typed: str) -> bool:
    word = typed.lower()
    if word in ("yes", "true", "1"):
        return True
    if word in ("no", "false", "0"):
        return False
    raise RuleBroken(field, "yes_or_no", f"{typed!r} is neither yes nor no")


def mac(typed: str, field: str = "mac") -> Mac:
    try:
        return parse_mac(typed)
    except ValueError as error:
        raise RuleBroken(field, "mac", str(error)) from error


def device_type(typed: str, field: str = "type") -> DeviceType:
    if typed not in _DEVICE_TYPES:
        names = ", ".join(f"{code} {kind.name.lower().replace('_', ' ')}" for code, kind in _DEVICE_TYPES.items())
        raise RuleBroken(field, "device_type", f"{typed!r} is not a device type: {names}")
    return _DEVICE_TYPES[typed]


# --- telephones ------------------------------------------------------------------------------------------------------


def phone(field: str, typed: str, *, calling_code: str = "", country: str = "") -> str:
    """*typed* in E.164: international with ``+``, or national where a calling code or else a country is known.

    *calling_code*: digits without ``+``; *country*: ISO 3166 alpha-2; "" = not known.
    """
    if not _PHONE.fullmatch(typed):
        raise RuleBroken(field, "phone", f"{typed!r} is not a telephone number")
    digits = typed.translate(_PHONE_FILLERS)
    if digits.startswith("+"):
        if not _E164.fullmatch(digits):
            raise RuleBroken(field, "phone", f"{typed!r} is not a number in international form (+ and 5 to 15 digits)")
        return digits
    region = _region(calling_code) if calling_code else country
    if not region:
        message = f"{typed!r} needs the international form (+…): neither a calling code nor the country is known"
        raise RuleBroken(field, "phone", message)
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException as error:
        raise RuleBroken(field, "phone", f"{typed!r} is not a telephone number of {region}") from error
    if not phonenumbers.is_possible_number(parsed):
        raise RuleBroken(field, "phone", f"{typed!r} is not a telephone number of {region}")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def calling_code(field: str, typed: str) -> str:
    """Digits of a country calling code, typed with or without ``+``."""
    match = _CALLING_CODE.fullmatch(typed)
    if match is None or _region(match[1]) is None:
        raise RuleBroken(field, "calling_code", f"{typed!r} is not a calling code, for example 48")
    return match[1]


def _region(code: str) -> str | None:
    """The main country of a calling code; None where the code belongs to none."""
    region = phonenumbers.region_code_for_country_code(int(code))
    return None if region in ("ZZ", "001") else region


def emergency_number(typed: str) -> str:
    """A short number such as 112, or E.164."""
    if _SHORT_NUMBER.fullmatch(typed) or _E164.fullmatch(typed):
        return typed
    raise RuleBroken("emergency_numbers", "phone", f"{typed!r} is neither a short number nor one in form +…")


# --- the community ---------------------------------------------------------------------------------------------------


def time_zone(typed: str) -> str:
    """An IANA name. Raises also for names that could leave the zone folder."""
    try:
        ZoneInfo(typed)
    except (KeyError, ValueError, OSError) as error:  # not there, no name at all, a folder
        raise RuleBroken(
            "time_zone", "time_zone", f"{typed!r} is not a time zone, for example Europe/Warsaw"
        ) from error
    return typed


def country(typed: str) -> str:
    """ISO 3166 alpha-2, upper case; "" = not known."""
    code = typed.upper()
    if code and code not in phonenumbers.SUPPORTED_REGIONS:
        raise RuleBroken("country", "country", f"{typed!r} is not a country of two letters, for example PL")
    return code


def post_code(typed: str) -> str:
    if typed and not _POST_CODE.fullmatch(typed):
        raise RuleBroken("post_code", "post_code", f"{typed!r}: letters and digits only")
    return typed


def services(plan: FeaturePlan, *, landline: bool, home_automation: bool) -> None:
    """Landline service needs premium, and is not available with home automation."""
    if landline and plan is not FeaturePlan.PREMIUM:
        raise RuleBroken("landline", "landline_needs_premium", "landline service needs the premium plan")
    if landline and home_automation:
        message = "landline service is not available with home automation"
        raise RuleBroken("landline", "landline_or_home_automation", message)


def home_automation(before: bool, after: bool) -> None:
    if before and not after:
        raise RuleBroken("home_automation", "home_automation_stays", "can be turned on, never off")


# --- doors -----------------------------------------------------------------------------------------------------------


def relay_number(number: int) -> int:
    if number not in RELAY_NUMBERS:
        raise RuleBroken("number", "relay_number", f"{number} is not a relay, 1 to {RELAY_NUMBERS[-1]}")
    return number


def hold(hold_s: int) -> int:
    if hold_s not in HOLD_S:
        raise RuleBroken("hold_s", "hold_s", f"{hold_s} s is not a hold time, {HOLD_S[0]} to {HOLD_S[-1]} s")
    return hold_s


def trigger(trigger_s: int) -> int:
    if trigger_s not in TRIGGER_S:
        raise RuleBroken("trigger_s", "trigger_s", f"{trigger_s} s is not a trigger time, 0 to {TRIGGER_S[-1]} s")
    return trigger_s


def methods(typed: str) -> frozenset[UnlockMethod]:
    """``pin,rf_card``: unlock methods that a relay may list; blank = none."""
    words = [word.strip().lower() for word in typed.split(",") if word.strip()]
    allowed = {method.value: method for method in UnlockMethod if method not in NOT_ON_A_RELAY}
    for word in words:
        if word not in allowed:
            raise RuleBroken("methods", "methods", f"{word!r} is not a method of a relay: {', '.join(allowed)}")
    return frozenset(allowed[word] for word in words)


def dtmf(code: str) -> str:
    """1-8 of ``0-9 A-D * #``, or "" = the relay cannot be opened by DTMF."""
    upper = code.strip().upper()
    if upper and not _DTMF.fullmatch(upper):
        raise RuleBroken("dtmf", "dtmf", f"{code!r} is not a DTMF code: 1 to 8 of 0-9, A-D, * and #")
    return upper


def prefix_free(code: str, others: Iterable[str]) -> None:
    """No code of a door may be the beginning of another one: a digit pressed must mean one thing (decision 22)."""
    for other in others:
        if code and other and (code.startswith(other) or other.startswith(code)):
            message = f"{code} and the code {other} of another relay of this door begin alike"
            raise RuleBroken("dtmf", "dtmf_prefix", message)


def rtsp_url(typed: str) -> str:
    """``rtsp://host:port/…`` without user and password, which are kept apart."""
    url = text("rtsp", typed, URL_MAX_CHARS, may_be_empty=False)
    try:
        parts = urlsplit(url)
        good = parts.scheme == "rtsp" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise RuleBroken("rtsp", "rtsp", f"{url!r} is not an address: {error}") from error
    if not good or " " in url:
        raise RuleBroken("rtsp", "rtsp", "must look like rtsp://host:port/path")
    if parts.username is not None or parts.password is not None:
        raise RuleBroken("rtsp", "rtsp_login", "must not hold user and password: give them as --user and --password")
    return url
