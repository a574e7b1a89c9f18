"""What a request to the central store may be refused for. Each becomes one HTTP answer."""

from collections.abc import Mapping
from typing import Any


class CentralProblem(Exception):
    """Refused; *reason* is one word for programs, the message is for people and holds no secret."""

    status = 409
    extra: Mapping[str, Any] = {}  # stands beside the error in the answer

    def __init__(self, reason: str, message: str, *, item: str = "") -> None:
        super().__init__(message)
        self.reason, self.item = reason, item


class Unknown(CentralProblem):
    """There is no such thing."""

    status = 404


class Invalid(CentralProblem):
    """What was sent breaks a rule of the domain."""

    status = 422


class Forbidden(CentralProblem):
    """This operator may not do that."""

    status = 403


class Unauthorised(CentralProblem):
    """Nobody that we know."""

    status = 401
