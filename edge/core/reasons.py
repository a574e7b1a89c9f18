"""What every reason means and what would change it, in a person's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.access import Cause, Reason


@dataclass(frozen=True, slots=True)
class Words:
    meaning: str
    change: str  # what would make the answer another one


WORDS: Final[Mapping[Reason, Words]] = {
    Reason.GRANTED: Words(
        "The door opens.",
        "Nothing needs to change. To stop it, remove the credential, end its validity or narrow its doors.",
    ),
    Reason.DEVICE_UNKNOWN: Words(
        "No device of this community has that address.",
        "Add the device: its MAC into the MAC library, then the device itself.",
    ),
    Reason.TOO_LATE: Words(
        "The message waited on its way for more than 10 seconds, so whoever stood at the door may be gone.",
        "Present it again. If it happens each time, look at the network and at the device's clock.",
    ),
    Reason.DEVICE_DISABLED: Words(
        "The device is switched off by an operator. Its exit button and a fire signal still open.",
        "Enable the device.",
    ),
    Reason.LOCKED_OUT: Words(
        "Five wrong codes within five minutes closed this reader, or this apartment at it, to codes for a while.",
        "Wait for the end of the lock, or use a card or another method that is no code.",
    ),
    Reason.METHOD_NOT_ON_RELAY: Words(
        "No enabled relay of the device lists this method, or the community's PIN mode has no such code.",
        "List the method on a relay of the device and enable that relay, or use the form of PIN of the PIN mode.",
    ),
    Reason.PLAN: Words(
        "The basic feature plan has no PIN, QR and face.",
        "Use a card or another method of the basic plan. A community's plan can't be changed.",
    ),
    Reason.UNKNOWN_CREDENTIAL: Words(
        "Nothing stored fits what was presented.",
        "Add it as a credential, or look for a mistyped value: a card may be read in another byte order.",
    ),
    Reason.AMBIGUOUS: Words(
        "More than one stored credential fits, so it is not known whose right it would be.",
        "Give all but one of them another value, or let the device name the building beside the apartment.",
    ),
    Reason.DOOR_NOT_SERVED: Words(
        "The credential is known, but this door is not one of its holder's doors.",
        "Let the device serve the holder's building, or widen the doors that the credential is narrowed to.",
    ),
    Reason.PERMISSION: Words(
        "In a community of public access only, a property manager's credential opens no private door.",
        "Issue the credential as installer or resident.",
    ),
    Reason.NOT_YET_VALID: Words(
        "The credential's time has not begun.", "Wait until it begins, or give the credential an earlier beginning."
    ),
    Reason.EXPIRED: Words("The credential's time is over.", "Give the credential a later end, or issue a new one."),
    Reason.OUTSIDE_SCHEDULE: Words(
        "The schedule of the credential, of the door or of its relays does not include this moment.",
        "Come within the schedule, or give a wider one to what has it.",
    ),
    Reason.USES_SPENT: Words("The credential was used as often as it may be.", "Issue a new one, or grant more uses."),
    Reason.SERVICE_BLOCKED: Words(
        "The apartment's service is blocked: only physical keys (RF card, NFC) still open.",
        "Use a card, or set the apartment's service to active.",
    ),
    Reason.SERVICE_OFF: Words(
        "The apartment's service is off: nothing of it opens.", "Set the apartment's service to active."
    ),
    Reason.APP_EXPIRED: Words(
        "The resident's app is not activated, or its activation has run out.", "Activate or renew the resident's app."
    ),
    Reason.NOT_IN_CALL: Words(
        "The opening belongs to a call, and there is none with this door.", "Open while the call with the door is up."
    ),
    Reason.NOT_ALLOWED: Words(
        "Whoever asked has no right to open this door in this way.",
        "Ask as a resident or monitor that the door serves or as a guard; for remote opening, list remote on a relay.",
    ),
}

CAUSES: Final[Mapping[Cause, Words]] = {
    Cause.LOCK_DOWN: Words(
        "An operator locked this door down: only guards, operators, fire signals and exit buttons open it.",
        "Release it: `edge door release` for the door, its building or all.",
    ),
    Cause.INTERLOCK: Words(
        "Another door of the same interlock stands open, or was released a moment ago.",
        "Shut the other door. One whose device is offline holds up nobody.",
    ),
    Cause.PASSBACK: Words(
        "The holder is known to be inside the area already, and the area's passback is hard.",
        "Leave by a reader of the way out, or reset the area: `edge area reset`.",
    ),
    Cause.SECOND_FACTOR: Words(
        "The relay opens by card and PIN of one person, and this was one of the two or neither.",
        "Show the other one at the same reader within 15 seconds. A credential with a use count comes second.",
    ),
}
"""What stands behind `not_allowed` where a credential was presented, or a call, an app asked."""
