"""What the demo counts of the language model: who was served from judgements at once, and what judging took."""

from collections import Counter, defaultdict
from typing import NamedTuple

from schemas.judgements import SPENDING_KEY
from schemas.slates import JudgedBy
from streams.demo.judge import Judge
from streams.revisions import state_of
from streams.runs.latencies import Latencies

MINUTE_S = 60.0
STATES = ("fine", "coarse", "partial", "missing", "no_key")
COVERED = frozenset({"fine", "coarse"})


class Spent(NamedTuple):
    """What a judge worker has counted since it started: calls made, tokens, and USD."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "Spent", times: int = 1) -> "Spent":
        """Add another, or take it off, `times` -1."""
        calls, prompt, completion, usd = (one + times * more for one, more in zip(self, other, strict=True))
        return Spent(int(calls), int(prompt), int(completion), usd)


class Minutes:
    """Counts by the minute.

    >>> minutes = Minutes()
    >>> for at_s, count in ((0.0, 2), (59.9, 1), (125.0, 4)):
    ...     minutes.add(at_s, count)
    >>> minutes.each(until_s=185.0)
    [3, 0, 4, 0]
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, at_s: float, count: int = 1) -> None:
        """Count what happened so many seconds after the start."""
        self._counts[int(at_s // MINUTE_S)] += count

    def each(self, *, until_s: float) -> list[int]:
        """List the counts of all minutes that have begun, the last as far as it has come."""
        return [self._counts[minute] for minute in range(int(until_s // MINUTE_S) + 1)]


class JudgeBoard:
    """Counts as things happen, from the moment the shop opens.

    A slate is covered when judgements that were there already decided it, at revision 0. Nobody can have judged for a
    visitor of whom nothing is known: such slates (`no_key`) are counted apart, and belong to no share.

    Args:
        judge: who judges.

    `trouble` says why nothing is judged now, "" where all is well.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.trouble = ""
        self.latencies = Latencies()
        self.spent = Spent()
        self._states: defaultdict[bool, Counter[str]] = defaultdict(Counter)
        self._per_minute: defaultdict[str, Minutes] = defaultdict(Minutes)
        self._known: set[bytes] = set()
        self._heard = Spent()
        self._began_s: float | None = None
        self._last_s = 0.0

    def event(self, now_s: float) -> None:
        """Count an event of a shopper; the first one starts the clock."""
        if self._began_s is None:
            self._began_s = now_s
        self._add("events", now_s)

    def slate(self, placement: str, judged: JudgedBy | None, *, revision: int, latency_ms: float, now_s: float) -> None:
        """Count a slate by when its event was sent; of a revision only how long after the event it came."""
        if revision:
            self.latencies.add(latency_ms)
        elif placement in self.judge.placements:
            later = self._at(now_s - latency_ms / 1000) >= MINUTE_S
            self._states[later][state_of(judged)] += 1

    def judgement(self, key: bytes, value: bytes | None, now_s: float) -> None:
        """Take a record of `judgements`; a table that was there already only got longer."""
        if value is not None and not key.startswith(SPENDING_KEY) and key not in self._known:
            self._known.add(key)
            self._add("new_keys", now_s)

    def heard(self, now: Spent, now_s: float) -> None:
        """Take what the judge worker says; one that was started again counts from 0."""
        more = now if now.calls < self._heard.calls else now.plus(self._heard, -1)
        self._heard = now
        self.spent = self.spent.plus(more)
        self._add("calls", now_s, more.calls)

    @property
    def keys(self) -> int:
        """Count the segments and intents that were judged so far."""
        return len(self._known)

    def states(self, *, later: bool) -> dict[str, int]:
        """Count the slates of judged placements by what covered them, in the first minute or after it."""
        return {state: self._states[later][state] for state in STATES}

    def covered(self, *, later: bool) -> float | None:
        """Give the share of slates that were served from judgements at once; None where there were none."""
        states = self.states(later=later)
        of = sum(states.values()) - states["no_key"]
        return sum(states[state] for state in COVERED) / of if of else None

    def per_minute(self, what: str) -> list[int]:
        """Count events, calls or new_keys minute by minute."""
        return self._per_minute[what].each(until_s=self._last_s)

    def _add(self, what: str, now_s: float, count: int = 1) -> None:
        self._last_s = max(self._last_s, self._at(now_s))
        self._per_minute[what].add(self._at(now_s), count)

    def _at(self, now_s: float) -> float:
        return 0.0 if self._began_s is None else max(0.0, now_s - self._began_s)

    def summary(self) -> dict[str, object]:
        """Give the object `judge` of the line that `--json` ends with."""
        shares = {"first_minute": self.covered(later=False), "after": self.covered(later=True)}
        return {
            "kind": self.judge.kind,
            "model": self.judge.model,
            "placements": sorted(self.judge.placements),
            "covered": {name: None if share is None else round(share, 4) for name, share in shares.items()},
            "slates": {"first_minute": self.states(later=False), "after": self.states(later=True)},
            "revisions": len(self.latencies),
            "revision_ms": self.latencies.summary(),
            "keys": self.keys,
            "calls": self.spent.calls,
            **{f"{what}_per_minute": self.per_minute(what) for what in ("calls", "new_keys", "events")},
            "tokens": {"prompt": self.spent.prompt_tokens, "completion": self.spent.completion_tokens},
            "usd": round(self.spent.usd, 4),
            "usd_is": self.judge.money,
        }
