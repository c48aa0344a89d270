"""What a search found, in sentences and in numbers."""

from collections.abc import Iterator
from math import isnan

from streams.constants_file import differing
from streams.tuning.searching import Found
from streams.tuning.trial import Search


def sentences(asked: Search, found: Found) -> Iterator[str]:
    """Say what was tried on what, and how the best compares with the defaults."""
    first, best, measure = found.defaults, found.best, f"{asked.measure}@{asked.k}"
    trained, judged = first.events
    part = f"the last {trained + judged:,} events before the test part"
    yield (
        f"{part[:1].upper()}{part[1:]}: {trained:,} to learn, {judged:,} to judge by; "
        f"{len(first.values):,} queries ({first.table}) of {len(set(first.units.tolist())):,} visitors were asked."
    )
    ended = ", stopped" if found.stopped else ""
    yield (
        f"{found.trials} trials in {found.seconds / 60:.1f} min ({first.seconds:.0f} s of processor for the defaults), "
        f"{found.given_up} not finished (too slow, or out of time){ended}."
    )
    if not differing(best.constants):
        yield f"{measure}: {first.score:.4f} with the defaults, and no other trial had more."
        return
    yield f"{measure}: defaults {first.score:.4f}, best {best.score:.4f}, {difference(found)}."


def difference(found: Found) -> str:
    """Write the paired difference with its interval."""
    one = found.difference
    return f"difference {one.difference:+.4f} (95 % between {one.low:+.4f} and {one.high:+.4f})"


def origin(asked: Search, found: Found) -> str:
    """Say where the values came from: what a file of constants begins with."""
    first = found.defaults
    return (
        f"Found by `aisle tune` on {asked.part.path.name}, {found.trials} trials with seed {asked.seed}.\n"
        f"{asked.measure}@{asked.k} of {len(first.values):,} queries ({first.table}) on its validation part: "
        f"{found.best.score:.4f} instead of {first.score:.4f},\n{difference(found)}."
    )


def summary(asked: Search, found: Found, written: str | None) -> dict[str, object]:
    """Give the line that `--json` prints."""
    one = found.difference
    return {
        "measure": f"{asked.measure}@{asked.k}",
        "table": found.defaults.table,
        "queries": len(found.defaults.values),
        "events": {"train": found.defaults.events[0], "validation": found.defaults.events[1]},
        "defaults": round(found.defaults.score, 6),
        "best": round(found.best.score, 6),
        "difference": round(one.difference, 6),
        "interval": [_number(one.low), _number(one.high)],
        "better": found.better,
        "constants": differing(found.best.constants),
        "trials": found.trials,
        "given_up": found.given_up,
        "stopped": found.stopped,
        "seconds": round(found.seconds, 1),
        "written": written,
    }


def _number(value: float) -> float | None:
    return None if isnan(value) else round(value, 6)
