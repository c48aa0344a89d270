"""The log of an evaluation in its two parts, and whether anything can be learned from it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Self

from schemas.errors import RefusedError
from schemas.record import rfc3339
from streams.evaluation.plan import Plan
from streams.evaluation.spool import Spool
from streams.evaluation.visits import Happening, happenings
from streams.runs.display import Watch
from streams.sources.event_file import EventFile
from streams.sources.reasons import nothing_in

OVERLAP = 0.05
"""Share of the training part's time by which the test part may begin before its end: sessions outlast midnight."""

STEP = 1_000
"""Events between two looks at the bar."""


class Log:
    """Gives the first part once and the second one as often as needed.

    A test file is read once; of a log without one, everything is kept on disk, since its size decides where it is cut.

    Args:
        plan: the evaluation.
        watch: told of the reading.

    Attributes:
        size: events before and after the split.

    Raises:
        RefusedError: a file holds nothing, the parts are in the wrong order, or one of them is empty.
    """

    def __init__(self, plan: Plan, watch: Watch) -> None:
        self._plan = plan
        _check_products(plan)
        kept = plan.train if plan.test is None else plan.test
        if plan.test is not None:
            _check_order(plan.train, plan.test)
        watch.stage("reading", kept.rows)
        self._kept = Spool(_watched(happenings(kept, own="" if plan.test is None else "test "), watch))
        try:
            self.size = self._split(kept)
        except BaseException:
            self.close()
            raise

    def _split(self, kept: EventFile) -> tuple[int, int]:
        """Say how many events are before and after the split; of a training file, how many at most."""
        plan, whole = self._plan, len(self._kept)
        if not whole:
            raise RefusedError(_nothing_in(kept))
        if plan.test is not None:
            return plan.train.rows, whole
        first = round(whole * (1 - plan.last))
        if first == whole:
            raise RefusedError(
                f"--last {plan.last:.4g} of {whole:,} events is none: give a greater share, such as 20%."
            )
        if not first:
            raise RefusedError(f"--last {plan.last:.4g} of {whole:,} events leaves none to learn from: give less.")
        return first, whole - first

    def train(self) -> Iterator[Happening]:
        """Give the first part."""
        return self._kept.part(0, self.size[0]) if self._plan.test is None else happenings(self._plan.train)

    def test(self) -> Iterator[Happening]:
        """Give the second part."""
        return self._kept.part(self.size[0] if self._plan.test is None else 0)

    @property
    def refused(self) -> Counter[str]:
        """Count the lines left out by the last reading of each file, by reason."""
        return sum((file.refused for file in self._plan.files), Counter())

    def close(self) -> None:
        """Free the disk."""
        self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_products(plan: Plan) -> None:
    """Refuse a log with fewer than two products: no ranking of it could be wrong."""
    for file in plan.files:
        if not file.survey.products:
            raise RefusedError(_nothing_in(file))
    products = set().union(*(file.survey.products for file in plan.files))
    if len(products) < 2:
        raise RefusedError(
            f"{plan.train.path} has one product only, so no ranking could be wrong: check which column is the item's."
        )


def _check_order(train: EventFile, test: EventFile) -> None:
    """Refuse a test part from before the training part's end, but for a little."""
    (begins, ends), (first, last) = (_span(file) for file in (train, test))
    if first < ends - OVERLAP * (ends - begins) or last < ends:
        raise RefusedError(
            f"{test.path} is from {_time(first)} to {_time(last)}, but {train.path} goes on until {_time(ends)}: "
            "what is tested must come after what is learned. Change the two, or leave --test out for the last part "
            "of the log."
        )


def _span(file: EventFile) -> tuple[datetime, datetime]:
    first, last = file.survey.first, file.survey.last
    assert first is not None, "it has rows"
    assert last is not None, "it has rows"
    return first, last


def _nothing_in(file: EventFile) -> str:
    """Say why a file gives no event."""
    refused: Counter[str] = file.refused
    if not refused:
        for _ in islice(file.events(), 1):
            break
        refused = file.refused
    return nothing_in(file.path, refused)


def _time(at: datetime) -> str:
    return rfc3339(at - timedelta(microseconds=at.microsecond % 1000))


def _watched(read: Iterator[Happening], watch: Watch) -> Iterator[Happening]:
    for done, one in enumerate(read):
        if done % STEP == 0:
            watch.reached(done)
        yield one
