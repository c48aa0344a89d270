"""How an API fails: every fault by its name, and the switch that says which call gets which."""

import threading
from collections.abc import Sequence
from random import Random
from typing import Literal

Fault = Literal[
    "slow",
    "rate_limited",
    "rate_limited_until",
    "out_of_quota",
    "server_error",
    "unavailable",
    "cut_before_head",
    "cut_in_body",
    "truncated_body",
    "truncated_content",
    "cut_off",
    "prose",
    "not_json",
    "html",
    "huge",
    "deep",
    "no_choices",
    "empty_content",
    "refusal",
    "content_filter",
    "foreign_ids",
    "repeated_ids",
    "missing_ids",
    "text_scores",
    "nan_scores",
    "out_of_range",
    "nested_scores",
]

FAULTS: dict[Fault, str] = {
    "slow": "the answer comes later than anybody waits",
    "rate_limited": "429, Retry-After in seconds",
    "rate_limited_until": "429, Retry-After as a date",
    "out_of_quota": "429 for good: the account has no money left; no Retry-After",
    "server_error": "500",
    "unavailable": "503",
    "cut_before_head": "the connection breaks before the answer begins",
    "cut_in_body": "the connection breaks half-way through the answer",
    "truncated_body": "the HTTP body ends half-way, by its own Content-Length",
    "truncated_content": "the model's JSON ends half-way, though it says it was done",
    "cut_off": "the model's JSON ends half-way, at its token limit",
    "prose": "sentences and a code fence around the JSON",
    "not_json": "sentences instead of JSON",
    "html": "200 with a page of HTML, as a proxy answers",
    "huge": "an answer of 10 MB",
    "deep": "brackets within brackets, 100,000 deep",
    "no_choices": "a chat completion without choices",
    "empty_content": "the model says nothing",
    "refusal": "the model declines: a refusal instead of content",
    "content_filter": "a filter takes the content away",
    "foreign_ids": "every other score is for a product that nobody asked about",
    "repeated_ids": "the first product has several scores, that differ",
    "missing_ids": "every other product has no score",
    "text_scores": "scores are text: numbers, fractions, words",
    "nan_scores": "scores are NaN and Infinity, which JSON does not have",
    "out_of_range": "scores are below 0 and far above 10",
    "nested_scores": "scores are objects, lists, true and null",
}
"""What each does, in one line."""


class Switch:
    """Says which call fails how; safe to turn while calls come in.

    Args:
        seed: of what is drawn; the same calls in the same order fail in the same way.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(f"faults-{seed}")
        self._lock = threading.Lock()
        self.turn(())

    def turn(self, faults: Sequence[Fault], *, share: float = 1.0, times: int | None = None) -> None:
        """Fail like this from now on.

        Args:
            faults: one of these, drawn for each call that fails; none to fail no more.
            share: of the calls that fail, 0..1.
            times: fail so often at most, then no more.
        """
        with self._lock:
            self._faults, self._share, self._left = tuple(faults), share, times

    def draw(self) -> Fault | None:
        """Say how the next call fails, if it does."""
        with self._lock:
            if not self._faults or self._left == 0 or self._random.random() >= self._share:
                return None
            if self._left is not None:
                self._left -= 1
            return self._random.choice(self._faults)

    def state(self) -> dict[str, object]:
        """Say how it is turned."""
        with self._lock:
            return {"faults": list(self._faults), "share": self._share, "times": self._left}
