"""Errors are decisions: one class per thing that is done about it."""

from typing import Literal

Reason = Literal["not_json", "schema", "too_large", "clock_skew", "unknown_version", "handler"]


class DecodeError(ValueError):
    """Send the record to the dead letters.

    Args:
        reason: why, from the closed list that operators filter by.
        detail: what is wrong, naming fields but never their values (no personal data).
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class RefusedError(Exception):
    """Stop with one sentence that says what to do; exit code 1, or 78 in a worker that must not be restarted."""


class RetryError(Exception):
    """Try the same thing again later: the outside system is away, nothing was done."""


class BrokerAwayError(RefusedError, RetryError):
    """No broker answers: a command refuses, a worker tries again."""


class UnfinishedError(RefusedError, RetryError):
    """Something was begun that another command finishes: a command refuses, a worker tries again until it is done."""


class DegradedError(Exception):
    """Serve without it: an outside system did not answer in time or said something useless."""
