"""Who may log in and what each may do with topics. Deny by default."""

import enum
import json
from pathlib import Path

from mqtt.accounts import Role
from mqtt.broker.passwords import verify
from mqtt.topics import Topics


class Act(enum.Enum):
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    RECEIVE = "receive"


class Gate:
    """The accounts file in memory."""

    def __init__(self, topics: Topics, accounts: dict[str, tuple[Role, str]]) -> None:
        self._topics = topics
        self._accounts = accounts

    @classmethod
    def read(cls, topics: Topics, file: Path) -> "Gate":
        """Raises OSError, ValueError or TypeError for a file that is not whole."""
        rows = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(rows, dict):
            raise ValueError(f"{file} holds no accounts")
        return cls(topics, {user: (Role(role), hashed) for user, (role, hashed) in rows.items()})

    def lets_in(self, user: str | None, password: str | None) -> bool:
        """Whether this login is right. About 0.1 ms of work."""
        account = self._accounts.get(user) if user else None
        return account is not None and password is not None and verify(password, account[1])

    def knows(self, user: str | None) -> bool:
        """Whether there is a login of that name."""
        return user in self._accounts

    def same(self, user: str, other: "Gate") -> bool:
        """Whether *user* has the same login here and in *other*."""
        account = self._accounts.get(user)
        return account is not None and account == other._accounts.get(user)

    def is_service(self, user: str) -> bool:
        """Whether *user* is the daemon itself."""
        account = self._accounts.get(user)
        return account is not None and account[0] is Role.SERVICE

    def may(self, user: str | None, act: Act, topic: str) -> bool:
        """*topic* is a filter where *act* is to subscribe; a filter that reaches outside is refused."""
        account = self._accounts.get(user) if user else None
        if account is None:
            return False
        root = self._topics.root
        match account[0], act:
            case Role.SERVICE, _:
                allowed = f"{root}/"
            case Role.DEVICE, Act.PUBLISH:
                allowed = f"{root}/{user}/up/"
            case Role.DEVICE, _:
                allowed = f"{root}/{user}/down/"
            case Role.INTEGRATOR, Act.SUBSCRIBE | Act.RECEIVE:
                allowed = f"{root}/edge/"
            case _:
                return False
        return topic.startswith(allowed)
