"""What judgements add, told: lines for a terminal, JSON for scripts, a section of a page."""

from collections.abc import Iterator, Mapping
from math import floor, log10
from typing import NamedTuple

from models.blend import JUDGED_FLOOR
from models.prompt import VERSION
from models.slices import slices
from streams.evaluation.differences import Measures, differences, interval, moved, named, numbers, short, signed
from streams.evaluation.lists import BLEND
from streams.evaluation.recorder import Table
from streams.lift.estimate import Estimate
from streams.lift.measuring import COVERS, ranker
from streams.lift.outcome import Collected, Lift
from streams.pages.page import Page

SHOWN = ("hr", "mrr", "ndcg")
"""Measures in the terminal; JSON has all."""

DAY_MS = 86_400_000


class Told(NamedTuple):
    """One list with judgements against the blend without, in one table of queries.

    Args:
        table: its name.
        where: of which slates.
        ranker: the list with judgements.
        queries: how many.
        measures: with judgements, without, and the difference.
    """

    table: str
    where: str
    ranker: str
    queries: int
    measures: Measures


def estimate_lines(collected: Collected, most_usd: float | None = None) -> Iterator[str]:
    """Say what has to be judged and what that will cost, before the first call."""
    needs, left = collected
    drawn = f"{needs.slates:,} of {needs.asked:,} slates" if needs.slates < needs.asked else f"{needs.slates:,} slates"
    yield (
        f"To judge: {len(needs.keys):,} keys for {drawn}; {left.keys:,} of them are not judged yet: {left.calls:,} "
        f"calls, some {left.prompt_tokens + left.completion_tokens:,} tokens, some {usd(left.usd)} USD and at most "
        f"{usd(left.usd_at_most)} without retries."
    )
    if most_usd is not None and left.usd_at_most > most_usd:
        yield f"The run ends at {usd(most_usd)} USD (--judge-most-usd): the rarest keys may stay without judgements."


def estimate_summary(collected: Collected) -> dict[str, object]:
    """Give the same for JSON."""
    needs = collected.needs
    keys = {"needed": len(needs.keys), "possible": needs.possible}
    return {"slates": needs.slates, "asked": needs.asked, "keys": keys, "estimate": _estimate(collected.estimate)}


def lift_lines(lift: Lift, k: int) -> Iterator[str]:
    """Give everything for a terminal."""
    yield ""
    yield f"What judgements of {lift.model} add, learning frozen ({VERSION}):"
    yield from facts(lift)
    if lift.withheld:
        yield lift.withheld
        return
    for one in told(lift):
        yield ""
        yield f"{one.table}, static, {one.queries:,} queries, {one.where}: {one.ranker} against the blend without"
        yield f"{'measure':<10} {'judged':>7} {'without':>8} {'difference':>11}  {'interval':<18} {'p':>6}"
        for measure in SHOWN:
            first, second, paired = one.measures[measure]
            means = f"{short(first):>7} {short(second):>8} {signed(paired.difference):>11}"
            yield f"{named(measure, k):<10} {means}  {interval(paired):<18} {short(paired.p):>6}"
    if len(lift.terms.tried) > 1:
        yield ""
        yield "Several weights were tried on the same queries: the p-values are not adjusted for choosing the best."


def facts(lift: Lift) -> Iterator[str]:
    """Say what was judged, what is covered, and what it cost."""
    needs, bill, covers = lift.collected.needs, lift.bill, lift.measured.covers
    yield (
        f"Keys: {lift.judged_keys:,} judged of {len(needs.keys):,} needed, {needs.possible:,} possible "
        f"({_share(len(needs.keys), needs.possible)} needed); {len(needs.keys) - lift.judged_keys:,} missing."
    )
    for why, times in lift.judging.given_up.items():
        yield f"{times:,} keys were given up: {why}. The same command goes on with them."
    told_covers = ", ".join(f"{name} {_share(covers[name], needs.slates)}" for name in COVERS)
    yield f"Slates: {needs.slates:,}; hit rate {_share(hits(lift), needs.slates)}. By key: {told_covers}."
    yield (
        f"Calls: {bill.calls:,} in this run, {bill.answers:,} answered, {bill.prompt_tokens:,} + "
        f"{bill.completion_tokens:,} tokens, {usd(bill.usd)} USD; those kept from before cost {usd(bill.usd_before)}."
    )
    invalid = ", ".join(f"{kind.replace('_', ' ')} {times:,}" for kind, times in sorted(bill.invalid.items()))
    yield f"Invalid in answers: {invalid or 'nothing'}."
    yield (
        f"Cost per 1,000 slates: {usd(lift.usd_per_1000)} USD at most, where these slates pay for all their keys; "
        f"{usd(lift.usd_per_1000_steady)} USD at least, where slates go on at this rate for the "
        f"{lift.ttl_ms / DAY_MS:g} days that a judgement serves, and want no other keys."
    )


def hits(lift: Lift) -> int:
    """Count the slates that a key covers."""
    return lift.measured.covers["fine"] + lift.measured.covers["coarse"]


def told(lift: Lift) -> Iterator[Told]:
    """Give every comparison: tables of all drawn slates, then of those with judgements, by weight."""
    for where, tables in (("all", lift.measured.every), ("with judgements", lift.measured.where_judged)):
        for table in tables:
            names = [ranker(weight) for weight in lift.terms.tried]
            found = differences([((table.trials, name), (table.trials, BLEND)) for name in names])
            for name, measures in zip(names, found, strict=True):
                yield Told(table.name, where, name, len(table.trials), measures)


def lift_summary(lift: Lift, k: int) -> dict[str, object]:
    """Give everything as JSON."""
    needs, bill = lift.collected.needs, lift.bill
    return {
        **estimate_summary(lift.collected),
        "model": lift.model,
        "answered_by": sorted(lift.answered_by),
        "prompt_version": VERSION,
        "keys": {"judged": lift.judged_keys, "needed": len(needs.keys), "possible": needs.possible},
        "given_up": dict(lift.judging.given_up),
        "covers": {name: lift.measured.covers[name] for name in COVERS},
        "hit_rate": round(hits(lift) / max(1, needs.slates), 5),
        "bill": {**bill._asdict(), "invalid": dict(bill.invalid)},
        "usd_per_1000_slates": {"at_hand": lift.usd_per_1000, "steady": lift.usd_per_1000_steady},
        "lift": None if lift.withheld else [_numbers(one, k) for one in told(lift)],
        "lift_withheld": lift.withheld,
        "slices": None if lift.withheld else {table.name: _slices(table, k) for table in lift.measured.every},
    }


def add_lift(page: Page, lift: Lift, k: int) -> None:
    """Add a section to a page."""
    page.heading(f"What judgements of {lift.model} add")
    for line in (*estimate_lines(lift.collected), *facts(lift)):
        page.text(line)
    if lift.withheld:
        page.text(lift.withheld)
        return
    rows = [
        (f"{one.table}, {one.where}", one.ranker, f"{one.queries:,}", *(moved(one.measures, name, k) for name in SHOWN))
        for one in told(lift)
    ]
    header = ("queries", "list", "how many", *(named(name, k) for name in SHOWN))
    page.table(header, rows, caption="Lists with judgements against the blend without, over the same queries.")


def usd(amount: float) -> str:
    """Write an amount of money, small ones too.

    >>> usd(1.5), usd(0.00031), usd(0.000098), usd(0)
    ('1.50', '0.00031', '0.000098', '0.00')
    """
    digits = 1 - floor(log10(amount)) if amount else 2
    return f"{amount:.{max(2, digits)}f}"


def _estimate(left: Estimate) -> dict[str, object]:
    return dict(left._asdict())


def _numbers(one: Told, k: int) -> dict[str, object]:
    where = {"table": one.table, "where": one.where, "ranker": one.ranker, "n": one.queries}
    return {**where, "measures": numbers(one.measures, k)}


def _slices(table: Table, k: int) -> list[Mapping[str, object]]:
    """Give the means of the measures by kind of query, without and with judgements."""
    trials = table.trials
    places = [trials.rankers.index(name) for name in (BLEND, ranker(JUDGED_FLOOR))]
    found: list[Mapping[str, object]] = []
    for part in slices(trials):
        if part.mask.any():
            means = {f"{name}@{k}": trials.of(name)[part.mask][:, places].mean(axis=0).tolist() for name in SHOWN}
            found.append(
                {"cut": part.name, "slice": part.label, "n": int(part.mask.sum()), "without_and_judged": means}
            )
    return found


def _share(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.1%}".replace("%", " %")
