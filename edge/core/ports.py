"""What the core and the adapters need from each other. The application wires implementations; tests bring fakes."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.core.call_events import ContactRef, RequestOpen
from edge.core.snapshot import Snapshot
from models.access import AccessDecision, Attempt
from models.binding import ContactBinding
from models.call import Caller, CallPlan, CallRecord, Target
from models.device import DigestOffer
from models.device_events import DeviceEvent, Hello, OpenResult
from models.ids import CallId, Mac, SipUser


class World(Protocol):
    """The present snapshot. Read it once at the start of a piece of work and keep that one."""

    @property
    def snapshot(self) -> Snapshot: ...


class Clock(Protocol):
    """Time for the application layer; the core is given times."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class CallDesk(Protocol):
    """What the SIP side asks the application about calls."""

    def identify(self, sip_user: str) -> Caller | None:
        """Who owns this digest user now; None if nobody does."""
        ...

    def identify_outside(self, number: str) -> Caller:
        """Who calls in through a trunk, by the *number* that it asserts, in whatever notation."""
        ...

    def caller_name(self, caller: Caller) -> str:
        """What the called side and the log read: name of the device or resident, or the telephone number."""
        ...

    def plan(self, caller: Caller, dialled: str) -> CallPlan:
        """The plan for *dialled* (user part of the Request-URI, unescaped). Never raises for bad input."""
        ...

    def reach(self, target: Target) -> Sequence[ContactRef]:
        """Contacts that can be rung now."""
        ...

    def busy(self, caller: Caller) -> bool:
        """Whether this caller has another call in progress (a door then gets 486, decision 25)."""
        ...

    def changed(self, record: CallRecord) -> None:
        """Store and publish the row; returns at once."""
        ...

    def request_open(self, call: CallId, plan: CallPlan, party: Target | Caller, request: RequestOpen) -> bool:
        """Ask the door rules for a relay in this call; True if it was granted and sent to the door."""
        ...

    def talking(self, call: CallId, answered_by: Target) -> None:
        """The call was answered (rights of the app's talking page depend on it)."""
        ...

    def ended(self, call: CallId) -> None: ...


class SipAccounts(Protocol):
    """Digest material for the registrar and for authenticated requests."""

    def password(self, sip_user: str) -> str | None:
        """The password, decrypted; None for an unknown or disabled user. Called rarely: HA1 is cached by the caller."""
        ...

    def digest_offer(self, sip_user: str) -> DigestOffer: ...

    def digest_failed_to_answer(self, sip_user: str) -> None:
        """The device never answers a SHA-256 challenge: store that it is offered MD5 alone (decision 34)."""
        ...


class KeptBinding(Protocol):
    """A contact binding to keep. It is made storable when the store gets to it: many are renewed before that."""

    @property
    def sip_user(self) -> SipUser: ...

    @property
    def key(self) -> str: ...

    def stored(self) -> ContactBinding: ...


class BindingStore(Protocol):
    """Where the registrar keeps its contact bindings over a restart."""

    def load(self) -> Sequence[ContactBinding]:
        """All bindings, expired ones too. Called once, before the registrar serves."""
        ...

    def save(self, changed: Sequence[KeptBinding], removed: Sequence[tuple[SipUser, str]]) -> None:
        """Keep *changed* (new or renewed) and forget *removed* (user and key). Returns at once and never raises: the
        implementation gathers changes and commits them within a second."""
        ...


class DeviceDesk(Protocol):
    """What the device plane hands to the application. A method returns when its row is committed (then the message
    is acknowledged to the broker); an exception means: not stored, let the broker deliver it again."""

    async def attempt(self, attempt: Attempt) -> None: ...

    async def event(self, event: DeviceEvent) -> None: ...

    async def hello(self, hello: Hello) -> None: ...

    async def presence(self, device: Mac, online: bool) -> None: ...


class DevicePlane(Protocol):
    """What the application asks of the device plane."""

    def online(self, device: Mac) -> bool: ...

    async def decision(self, device: Mac, answer: bytes) -> None:
        """Publish an answer on `down/decision`, QoS 1, never retained."""
        ...

    async def open(self, device: Mac, decision: AccessDecision, ack_within_s: float = 3.0) -> OpenResult:
        """Publish `down/open` for a granted decision and wait for the device's ack."""
        ...

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult:
        """Publish another `down` verb (reboot, reset, arm, …) and wait for the ack."""
        ...

    async def publish_event(self, event: Mapping[str, object]) -> None:
        """Publish on `intercom/<community>/edge/event` for integrators; nothing secret in it."""
        ...
