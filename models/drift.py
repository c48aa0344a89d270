"""Notice that the world has changed: ADWIN on how well the blend predicts, and on how often slates are clicked."""

import math
from collections import deque
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from models.blend import FIRST_EXTRA, Blend
from models.items import State
from schemas.learning import LearningStep, TrainingRow

What = Literal["blend_loss", "click_rate"]

WINDOW = 1 << 15
"""Observations looked back on; when they are full, the older half goes."""

COOLDOWN_MS = 3_600_000
"""After a drift the same thing is not raised for an hour of the model's clock: one change is one drift."""

MOST_LOSS = 4.0
"""Losses are cut here, since ADWIN looks at values 0..1."""

UNTOLD = 16


class Drifted(NamedTuple):
    """A change: the means before and after it, noticed at an offset of `learning`."""

    what: What
    before: float
    after: float
    offset: int


class Window:
    """River's ADWIN over the newest observations.

    What is inside of ADWIN cannot be saved in a form that outlives a version of River. So the observations themselves
    are kept, and a new ADWIN that is fed with them stands where the old one stood: it has seen the same since it began.

    Source: Bifet & Gavalda, Learning from Time-Changing Data with Adaptive Windowing, SDM 2007.
    """

    def __init__(self) -> None:
        self._values = np.zeros(WINDOW, np.float32)
        self._size = 0
        self._adwin = _adwin()

    @property
    def mean(self) -> float | None:
        """The mean since the last change, None without observations."""
        return self._adwin.estimation if self._size else None

    def update(self, value: float) -> tuple[float, float] | None:
        """Look at one observation 0..1.

        Returns:
            the means before and after a change, where there was one; the window then begins with the change.
        """
        if self._size == WINDOW:
            self._begin(self._values[WINDOW // 2 :].copy())
        self._values[self._size] = value
        self._size += 1
        self._adwin.update(float(self._values[self._size - 1]))
        if not self._adwin.drift_detected:
            return None
        seen = self._values[: self._size].astype(np.float64)
        at = changed_at(seen)
        self._begin(seen[at:])
        return float(seen[:at].mean()), float(seen[at:].mean())

    def _begin(self, values: np.ndarray) -> None:
        self._adwin = _adwin()
        self._size = len(values)
        self._values[: self._size] = values
        for value in values.tolist():
            self._adwin.update(value)

    def state(self) -> np.ndarray:
        """Return the observations, float32."""
        return self._values[: self._size]

    def restore(self, values: np.ndarray) -> None:
        """Take over observations that `state` returned."""
        self._begin(values)


class Drift:
    """The model's watch over itself; it decides no slate.

    `blend_loss` is the pairwise logistic loss of each training row before the blend learns it, once the learned weights
    have taken over. `click_rate` is clicks on slates per impression record.
    """

    def __init__(self) -> None:
        self._windows: dict[What, Window] = {what: Window() for what in get_args(What)}
        self._quiet_until_ms: dict[What, int] = dict.fromkeys(self._windows, 0)
        self._untold: deque[Drifted] = deque(maxlen=UNTOLD)

    def learn_one(self, step: LearningStep, blend: Blend, *, offset: int, clock_ms: int) -> None:
        """Look at a step before it is learned.

        Args:
            step: the record.
            blend: as it stands before the step.
            offset: of the step in `learning`.
            clock_ms: the model's clock.
        """
        if step.slate_id and step.kind in {"impression", "click"}:
            self._see("click_rate", float(step.kind == "click"), offset, clock_ms)
        if step.row is not None and blend.learned >= 4 * blend.first:
            loss = row_loss(step.row, blend)
            if loss is not None:
                self._see("blend_loss", min(1.0, loss / MOST_LOSS), offset, clock_ms)

    def _see(self, what: What, value: float, offset: int, clock_ms: int) -> None:
        change = self._windows[what].update(value)
        if change is None or clock_ms < self._quiet_until_ms[what]:
            return
        self._quiet_until_ms[what] = clock_ms + COOLDOWN_MS
        before, after = (_figure(what, mean) for mean in change)
        self._untold.append(Drifted(what, before, after, offset))

    def means(self) -> dict[What, float]:
        """Give the current figures, those that have any observation."""
        means = {what: window.mean for what, window in self._windows.items()}
        return {what: _figure(what, mean) for what, mean in means.items() if mean is not None}

    def told(self) -> list[Drifted]:
        """Give what was noticed since this was last asked, the newest few; asking decides nothing."""
        found = list(self._untold)
        self._untold.clear()
        return found

    def state(self) -> State:
        """Return what decides which drifts are noticed."""
        quiet = np.array([self._quiet_until_ms[what] for what in self._windows], np.int64)
        return {"quiet": quiet, **{what: window.state() for what, window in self._windows.items()}}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self._quiet_until_ms = dict(zip(self._windows, state["quiet"].tolist(), strict=True))
        for what, window in self._windows.items():
            window.restore(state[what])


def changed_at(values: np.ndarray) -> int:
    """Find where the mean of some values changed: the cut that explains most of their variance.

    ADWIN says that there was a change; of where, it only drops what is certainly old.

    >>> changed_at(np.array([0.0, 0.0, 0.0, 1.0, 1.0]))
    3

    Args:
        values: float64, shape (n,), n > 1.

    Returns:
        how many lie before the change, 1..n-1.

    Source: Hinkley, Inference about the Change-Point in a Sequence of Random Variables, Biometrika 1970.
    """
    before = np.arange(1, len(values))
    sums = np.cumsum(values)
    lean = sums[:-1] - sums[-1] * before / len(values)
    return int(np.argmax(lean**2 / (before * (len(values) - before)))) + 1


def row_loss(row: TrainingRow, blend: Blend) -> float | None:
    """Give the mean of log(1 + exp(negative's log-odds - positive's)); None where a row teaches nothing."""
    try:
        table = row.array()
    except ValueError:
        return None
    if row.version != blend.VERSION or len(table) < 2 or not table[0, :FIRST_EXTRA:3].any():
        return None
    scores = np.clip(blend.score(table), 1e-6, 1 - 1e-6).astype(np.float64).tolist()
    positive, *negatives = (math.log(score / (1 - score)) for score in scores)
    return sum(math.log1p(math.exp(negative - positive)) for negative in negatives) / len(negatives)


def _figure(what: What, mean: float) -> float:
    """Turn the mean of observations into what they are about."""
    if what == "blend_loss":
        return mean * MOST_LOSS
    return mean / max(1 - mean, 1e-3)  # clicks among clicks and impressions


def _adwin() -> Any:
    from river import drift

    return drift.ADWIN()
