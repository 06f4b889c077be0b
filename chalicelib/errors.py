"""What kefu refuses, each refusal a class with the stable code that clients see (protocol, section 3)."""

from collections.abc import Mapping
from typing import ClassVar


class KefuError(Exception):
    """A refusal that its caller may see: `code`, `message`, `details`; `status` is its HTTP form."""

    code: ClassVar[str]
    status: ClassVar[int]
    retry: ClassVar[bool] = False

    def __init__(self, message: str, details: Mapping[str, str | int | None] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class BadRequest(KefuError):
    code, status = "bad_request", 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message, {} if field is None else {"field": field})


class TooLarge(KefuError):
    code, status = "too_large", 413

    def __init__(self, what: str, limit: int, unit: str) -> None:
        super().__init__(f"{what} is over the limit of {limit:,} {unit}.", {"limit": limit})


class Unauthorized(KefuError):
    code, status = "unauthorized", 401


class Forbidden(KefuError):
    code, status = "forbidden", 403

    def __init__(self, message: str = "You may not do this here.") -> None:
        super().__init__(message)


class NotFound(KefuError):
    code, status = "not_found", 404

    def __init__(self, message: str = "There is no such conversation.") -> None:
        super().__init__(message)


class NotClaimer(KefuError):
    code, status = "not_claimer", 409

    def __init__(self, agent: str | None) -> None:
        holder = f"{agent} has claimed this conversation." if agent else "Nobody has claimed this conversation."
        super().__init__(f"Only the agent who has claimed a conversation may do this. {holder}", {"agent": agent})


class AlreadyClaimed(KefuError):
    code, status = "already_claimed", 409

    def __init__(self, agent: str) -> None:
        super().__init__(f"{agent} has claimed this conversation.", {"agent": agent})


class Conflict(KefuError):
    code, status = "conflict", 409

    def __init__(self, seq: int) -> None:
        super().__init__(f"This id was used before, for message {seq} with another body.", {"seq": seq})


class RateLimited(KefuError):
    code, status, retry = "rate_limited", 429, True

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__("Too many requests. Try again a little later.", {"retry_after_ms": retry_after_ms})


class Unavailable(KefuError):
    code, status, retry = "unavailable", 503, True

    def __init__(self) -> None:
        super().__init__("The service cannot reach its storage. Try again with the same id.")


class Internal(KefuError):
    code, status, retry = "internal", 500, True

    def __init__(self) -> None:
        super().__init__("The service failed. The fault is logged; try again.")
