"""What the language model answered, whatever it is, as a table of scores or as nothing."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from typing import Final, Literal, NamedTuple

from models.json_within import Pairs, json_within

VerdictFault = Literal[
    "too_long",  # more than is read: nothing
    "not_json",  # no object or list can be read in it: nothing
    "too_few",  # fewer than half of what was asked has a valid score: nothing
    "prose",  # something stands around the JSON, a fence or a half of it included
    "malformed",  # an entry that is not one number n with one score: dropped
    "foreign",  # n was not asked: dropped
    "not_a_number",  # a score that is none: dropped
    "out_of_range",  # a score below 0 or above 10: dropped
    "repaired",  # a number that was written as text: taken
    "repeated",  # n is scored more than once: taken where the scores agree, else dropped
    "missing",  # asked, and left without a valid score
]
"""What was wrong with an answer; metrics count by it. One of the first three says why there is nothing."""

MAX_BYTES: Final = 64 * 1024
"""A longer answer is not read; thirty scores take one kilobyte."""

MAX_SCORE: Final = 10.0

_NUMERIC: Final = re.compile(r"\s*-?[0-9]{1,9}(?:\.[0-9]{1,9})?\s*")


class Verdict(NamedTuple):
    """Scores 0..10 by the product's number in the prompt, and how often each fault occurred; no scores is nothing."""

    scores: dict[int, float]
    faults: Counter[VerdictFault]


class _Entry(NamedTuple):
    """What is given as a product's number and score."""

    n: object
    score: object


class _Score(NamedTuple):
    n: int
    score: float
    repaired: bool


def read_verdict(text: str, count: int) -> Verdict:
    """Read any answer; never raises, in time proportional to its length.

    Read are `{"scores":[{"n":1,"score":7}]}`, the list alone, entries without a list (of a list that was cut off), and
    `{"1":7}`, with anything around. Where a text holds several tables, such as an example from the prompt before the
    answer, the fullest counts, the last of equal ones.

    Args:
        text: what the model said.
        count: products asked about are called 1 to this.

    >>> read_verdict('Sure! {"scores":[{"n":1,"score":7},{"n":2,"score":"3"},{"n":9,"score":1}]}', 2)
    Verdict(scores={1: 7.0, 2: 3.0}, faults=Counter({'repaired': 1, 'foreign': 1, 'prose': 1}))
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return Verdict({}, Counter({"too_long": 1}))
    found = json_within(text)
    if not found.values:
        return Verdict({}, Counter({"not_json": 1}))
    best: Verdict = Verdict({}, Counter())
    for table in _tables(found.values):
        read = _scored(table, count)
        best = read if len(read.scores) >= len(best.scores) else best
    if not found.alone:
        best.faults["prose"] += 1
    best.faults.update(_lacking(best.scores, count))
    return best if not best.faults["too_few"] else Verdict({}, best.faults)


def _lacking(scores: Mapping[int, float], count: int) -> dict[VerdictFault, int]:
    lacking: dict[VerdictFault, int] = {}
    if len(scores) < count:
        lacking["missing"] = count - len(scores)
    if 2 * len(scores) < count:
        lacking["too_few"] = 1
    return lacking


def _tables(values: Iterable[object]) -> Iterator[list[_Entry | None]]:
    """Take values apart: entries that lie about are one table, every other value is one; None is no entry."""
    loose: list[_Entry | None] = []
    for value in values:
        if entry := _entry(value):
            loose.append(entry)
        else:
            yield _entries(value)
    if loose:
        yield loose


def _entries(value: object) -> list[_Entry | None]:
    tables = value.all("scores") if isinstance(value, Pairs) else []
    return [entry for table in tables or [value] for entry in _rows(table)]


def _rows(table: object) -> list[_Entry | None]:
    if isinstance(table, Pairs):
        return [_Entry(float(name) if _NUMERIC.fullmatch(name) else name, score) for name, score in table]
    return [_entry(each) for each in table] if isinstance(table, list) else [None]


def _entry(value: object) -> _Entry | None:
    if isinstance(value, Pairs):
        numbers, scores = value.all("n"), value.all("score")
        if len(numbers) == len(scores) == 1:
            return _Entry(numbers[0], scores[0])
    return None


def _scored(entries: Iterable[_Entry | None], count: int) -> Verdict:
    """Keep the entries that are fine: one number that was asked, one score 0..10."""
    given: dict[int, set[float]] = {}
    faults: Counter[VerdictFault] = Counter()
    for entry in entries:
        score = _checked(entry, count)
        if isinstance(score, str):
            faults[score] += 1
            continue
        if score.n in given:
            faults["repeated"] += 1
        if score.repaired:
            faults["repaired"] += 1
        given.setdefault(score.n, set()).add(score.score)
    return Verdict({n: scores.pop() for n, scores in sorted(given.items()) if len(scores) == 1}, faults)


def _checked(entry: _Entry | None, count: int) -> _Score | VerdictFault:
    if entry is None:
        return "malformed"
    n, score = _number(entry.n), _number(entry.score)
    if n is None or not n.is_integer() or not 1 <= n <= count:
        return "foreign"
    if score is None:
        return "not_a_number"
    if not 0 <= score <= MAX_SCORE:
        return "out_of_range"
    return _Score(int(n), abs(score), repaired=isinstance(entry.n, str) or isinstance(entry.score, str))


def _number(value: object) -> float | None:
    """Read a number or what is written like one; true, false, null and NaN are none."""
    if isinstance(value, str):
        return float(value) if _NUMERIC.fullmatch(value) else None
    return value if isinstance(value, float) and not isnan(value) else None
