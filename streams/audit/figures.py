"""The figures of an audit: each with its threshold and a plain verdict."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from models.exposure_audit import Amplification, coverage
from models.exposure_course import Point, rise
from models.features import COLD_BELOW
from models.filter_bubble import Bubble, Estimate
from streams.audit.shelf import Vector
from streams.settings import Settings

Verdict = Literal["ok", "crossed", "not judged"]
Bound = Literal["at most", "at least"]


class Figure(NamedTuple):
    """One figure.

    `value` is nan where it is not known, and `note` then says why; `low` and `high` are its interval where it has one.
    One with an interval is crossed only where all of the interval is.
    """

    name: str
    value: float
    bound: Bound
    limit: float
    verdict: Verdict
    note: str
    low: float = math.nan
    high: float = math.nan


class Evidence(NamedTuple):
    """How much there is to judge from: slates, touches, and the fewest of each that a figure is judged from."""

    slates: int
    touches: int
    least: int

    @property
    def of_exposure(self) -> str:
        """Say what is missing to judge exposure; empty for nothing."""
        return _too_few(self.slates, "slates", self.least)

    @property
    def of_demand(self) -> str:
        """Say what is missing to judge exposure by demand; empty for nothing."""
        return self.of_exposure or _too_few(self.touches, "clicks, carts and purchases", self.least)


def amplified(found: Amplification, evidence: Evidence, settings: Settings) -> list[Figure]:
    """Judge how much more skewed exposure is than behaviour."""
    ginis = f"Gini of what is shown {found.gini_shown:.3f}, of demand {found.gini_demand:.3f}; held at equal counts"
    tops = f"the most wanted tenth has {found.top_shown:.1%} of exposure, {found.top_demand:.1%} of demand"
    missing = evidence.of_demand
    return [
        judged("amplification", found.gini_ratio, "at most", settings.audit_amplification, ginis, missing),
        judged("top decile", found.top_ratio, "at most", settings.audit_top_decile, tops, missing),
    ]


def risen(points: Sequence[Point], evidence: Evidence, settings: Settings) -> Figure:
    """Judge the course of exposure's Gini."""
    value = rise([point.shown for point in points])
    missing = evidence.of_exposure or ("fewer than three steps of time" if math.isnan(value) else "")
    note = f"last third less first third of {len(points)} steps"
    return judged("rise of Gini", value, "at most", settings.audit_gini_rise, note, missing)


def narrowed(found: Bubble | None, own: Bubble | None, settings: Settings) -> list[Figure]:
    """Judge how narrow visitors' slates are, and how fast they narrow; beside it, what they choose of their own."""
    unknown, least = Estimate(math.nan, math.nan, math.nan), settings.audit_evidence
    index, slope = (found.narrowness, found.narrowing) if found else (unknown, unknown)
    visitors, moving = (found.visitors, found.narrowing_visitors) if found else (0, 0)
    alike = f"likeness {found.within:.3f} within a visitor, {found.between:.3f} between visitors" if found else ""
    alike += f"; index of what they do themselves {own.narrowness.value:.3f}" if own else ""
    slates = f"change of a slate's likeness from one to the next, {moving:,} visitors"
    return [
        _estimated("filter bubble", index, settings.audit_bubble, alike, _too_few(visitors, "visitors", least)),
        _estimated(
            "narrowing",
            slope,
            settings.audit_narrowing,
            slates,
            _too_few(moving, "visitors with a second slate", least),
        ),
    ]


def fresh(vectors: dict[Vector, int], settings: Settings) -> Figure:
    """Judge whether products have the vector of their text."""
    total = sum(vectors.values())
    bad = vectors.get("missing", 0) + vectors.get("stale", 0)
    missing = "not known from files, only from the topics" if vectors.get("not known") or not total else ""
    note = f"{vectors.get('missing', 0):,} missing and {vectors.get('stale', 0):,} older than their text, of {total:,}"
    value = math.nan if missing else bad / total
    return judged("stale vectors", value, "at most", settings.audit_stale_share, note, missing)


def cold(shown: np.ndarray, wanted: np.ndarray, evidence: Evidence, settings: Settings) -> Figure:
    """Judge how much of what is shown goes to products with little demand yet: fewer touches than learning needs."""
    few = wanted < COLD_BELOW
    value = float(shown[few].sum() / shown.sum()) if shown.sum() else math.nan
    seen = int((shown[few] > 0).sum())
    note = f"{seen:,} of {int(few.sum()):,} products with fewer than {COLD_BELOW} touches were shown"
    missing = evidence.of_demand or ("" if few.any() else f"every product has {COLD_BELOW} touches or more")
    return judged("cold products", value, "at least", settings.audit_cold_share, note, missing)


def covered(shown: np.ndarray, evidence: Evidence, settings: Settings) -> Figure:
    """Judge how much of the catalogue is shown at all."""
    total, products = int(shown.sum()), len(shown)
    room = "" if total >= products else f"{total:,} products were shown, of {products:,}: there was no room for more"
    note = f"{int((shown > 0).sum()):,} of {products:,} products"
    missing = evidence.of_exposure or room
    return judged("coverage", coverage(shown), "at least", settings.audit_coverage, note, missing)


def unknown(count: int, known: int, evidence: Evidence, settings: Settings) -> Figure:
    """Judge whether the catalogue is the one the slates are of."""
    value = count / (count + known) if count + known else math.nan
    note = f"{count:,} of {count + known:,} shown products are not in the catalogue"
    return judged("unknown products", value, "at most", settings.audit_unknown_share, note, evidence.of_exposure)


def judged(name: str, value: float, bound: Bound, limit: float, note: str, missing: str) -> Figure:
    """Give a figure its verdict.

    Args:
        name: of the figure.
        value: nan where it is not known.
        bound: what the limit is.
        limit: of the value.
        note: what it is made of.
        missing: why it cannot be judged; empty where it can.
    """
    if missing or math.isnan(value):
        return Figure(name, value, bound, limit, "not judged", missing or "nothing to tell it from")
    within = value <= limit if bound == "at most" else value >= limit
    return Figure(name, value, bound, limit, "ok" if within else "crossed", note)


def _estimated(name: str, found: Estimate, limit: float, note: str, missing: str) -> Figure:
    """Judge an estimate by the end of its interval that is within the limit longest."""
    sure = judged(name, found.low, "at most", limit, note, missing)
    return sure._replace(value=found.value, low=found.low, high=found.high)


def _too_few(count: int, what: str, least: int) -> str:
    return "" if count >= least else f"{count:,} {what}, at least {least:,} are needed"
