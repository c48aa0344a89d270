"""What it means when a call of a language model's server fails, and what is done about it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson

from schemas.errors import CallFailedError, CallFault, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

FREE = (0, 0)
"""Nothing was generated."""

NOT_ENOUGH_CREDIT = {"insufficient_quota", "billing_hard_limit_reached"}
GAVE_UP = {408, 502, 504, 524}
"""What gateways say that waited in vain: the model behind them may have answered all the same."""

UNTAKEN = {400, 422, 501}
MOST_COMPLAINT = 8192


class Complaint:
    """What a server says with a status that is no 2xx; its words are read, never passed on: they may repeat ours.

    Args:
        response: with its body.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._body = response.content
        told = _json(self._body)
        error = told.get("error", told)
        self._error: dict[str, Any] = error if isinstance(error, dict) else {"message": error}

    @property
    def code(self) -> str:
        """Give the server's own name of the error, "" for none: a word, no sentence."""
        for said in (self._error.get("code"), self._error.get("type")):
            if isinstance(said, str) and re.fullmatch(r"[\w.-]{1,64}", said):
                return said
        return ""

    @property
    def untaken(self) -> str:
        """Give the words in which a parameter may be named that the server does not take; "" for another error."""
        if self.status not in UNTAKEN or self.code == "content_filter":
            return ""
        for said in (self._error.get("param"), self._error.get("message")):
            if isinstance(said, str) and said:
                return said[:MOST_COMPLAINT]
        return self._body[:MOST_COMPLAINT].decode(errors="replace")

    def failure(self, model: str) -> CallFailedError | RefusedError:
        """Say what is done about it.

        Args:
            model: what was asked of.
        """
        if sentence := _refusal(self.status, model):
            return RefusedError(sentence)
        said = f"the server said {self.status} {self.code}".rstrip()
        if self.status == 429:
            paying = self.code not in NOT_ENOUGH_CREDIT
            return CallFailedError("rate_limited", said, again=paying, after_s=self.after_s(), paid=FREE)
        if self.status >= 500 or self.status in GAVE_UP:
            fault: CallFault = "timeout" if self.status in GAVE_UP else "server"
            paid = None if self.status in GAVE_UP else FREE
            return CallFailedError(fault, said, again=True, after_s=self.after_s(), paid=paid)
        return CallFailedError("refusal" if self.code == "content_filter" else "rejected", said, paid=FREE)

    def after_s(self) -> float | None:
        """Read for how long the server wants to be left alone: milliseconds, seconds, or a date by its own clock."""
        milliseconds = _number(self.headers.get("retry-after-ms"))
        if milliseconds is not None:
            return milliseconds / 1000
        said = self.headers.get("retry-after")
        seconds = _number(said)
        return _until(said, self.headers.get("date")) if seconds is None else seconds


def unreached(error: Exception) -> CallFailedError:
    """Say what it means that there was no whole answer: an `openai.APIConnectionError`, timeouts among them."""
    import httpx2
    import openai

    cause = error.__cause__
    fault: CallFault = "timeout" if isinstance(error, openai.APITimeoutError) else "connection"
    never = isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    what = "the server cannot be reached" if never else "the connection broke before the answer was there"
    detail = f"{what} ({type(cause or error).__name__})"
    return CallFailedError(fault, detail, again=True, paid=FREE if never else None)


def _refusal(status: int, model: str) -> str:
    if status == 401:
        return "The language model's server wants another key (401): set OPENAI_API_KEY to one that it knows."
    if status == 403:
        return (
            f"The language model's server does not allow {model} with this key (403): set OPENAI_API_KEY to one that "
            "may use it, or AISLE_LLM_MODEL to a model that this one may use."
        )
    if status == 404:
        return (
            f"The language model's server has no model {model}, or no chat completions at this address (404): set "
            "AISLE_LLM_MODEL to a model that it has, and OPENAI_BASE_URL to its address, most often ending in /v1."
        )
    if 300 <= status < 400:
        return f"The language model's server is somewhere else ({status}): set OPENAI_BASE_URL to where it redirects."
    return ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _number(said: str | None) -> float | None:
    """Read a number that is a time; None for anything else."""
    try:
        number = float(said or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(said: str | None, sent: str | None) -> float | None:
    """Give the seconds between two HTTP dates; without the second one until now, by our clock."""
    until, now = _date(said), _date(sent) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(said: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(said or "")
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
