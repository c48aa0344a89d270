"""Errors are decisions: one class per thing that is done about it."""

from typing import Literal

CallFault = Literal[
    "timeout",
    "connection",
    "rate_limited",
    "server",
    "rejected",
    "refusal",
    "empty",
    "cut_off",
    "too_long",
    "malformed",
]
"""Why a language model's answer cannot be used: it did not come in time, the connection broke, 429, 5xx, another 4xx,
the model declined, it said nothing, it was cut off at its token limit, it was too long to read, or no chat completion.
"""

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


class CallFailedError(DegradedError):
    """Do without this answer of a language model.

    Args:
        fault: why, from the closed list that metrics count by.
        detail: what happened, without any of what was asked.
        again: the same call may succeed later.
        after_s: the server asked to wait for so long.
        paid: tokens of the prompt and of the answer that are paid for all the same; None where nobody knows.
    """

    def __init__(
        self,
        fault: CallFault,
        detail: str,
        *,
        again: bool = False,
        after_s: float | None = None,
        paid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault: CallFault = fault
        self.again = again
        self.after_s = after_s
        self.paid = paid
