"""A change of what the model watches is noticed once, by all workers alike, and told while it is news."""

import logging
from collections.abc import Iterable
from random import Random

import numpy as np
import pytest
from prometheus_client import REGISTRY

from models.blend import Blend, describe
from models.drift import COOLDOWN_MS, WINDOW, Drift, Drifted, Window, row_loss
from models.items import part, prefixed
from models.ranked import Ranked
from schemas.learning import LearningStep, Origin, TrainingRow, pack_features
from schemas.record import from_epoch_ms
from streams.drifting import tell

START_MS = 1_700_000_000_000
BLEND = Blend()


def step(offset: int, *, clicked: bool, seconds: float = 0.0) -> LearningStep:
    """See a slate, or click on one."""
    return LearningStep(
        origin=Origin(topic="t", partition=0, offset=offset),
        at=from_epoch_ms(START_MS + int(1_000 * seconds)),
        visitor_id="v",
        kind="click" if clicked else "impression",
        slate_id="s",
    )


def shopping(*spells: tuple[int, float], seed: int = 3) -> Iterable[LearningStep]:
    """Tell spells of (records, share of them that are clicks)."""
    random, offset = Random(seed), 0
    for records, share in spells:
        for _ in range(records):
            yield step(offset, clicked=random.random() < share, seconds=offset / 10)
            offset += 1


def watch(steps: Iterable[LearningStep], drift: Drift | None = None, *, hours: float = 0.0) -> Drift:
    """Let a watch follow steps; their clock is that many hours further for every thousand."""
    drift = drift or Drift()
    for one in steps:
        offset = one.origin.offset
        drift.learn_one(one, BLEND, offset=offset, clock_ms=START_MS + int(hours * 3_600 * offset))
    return drift


def row(blend: Blend, good: str, other: str) -> TrainingRow:
    """One chosen item that one source has, and one that another has."""
    found = {good: Ranked(np.array([1], np.int32), np.ones(1, np.float32))}
    found[other] = Ranked(np.array([2], np.int32), np.ones(1, np.float32))
    features = describe(found).features
    return TrainingRow(version=blend.VERSION, rows=2, columns=features.shape[1], features=pack_features(features))


def test_a_falling_click_rate_is_noticed() -> None:
    """With what it was, what it is, and where in the log that was found; a steady one is not."""
    assert watch(shopping((4_000, 0.2))).told() == []
    (found,) = watch(shopping((4_000, 0.2), (3_000, 0.05))).told()
    assert found.what == "click_rate"
    assert found.before == pytest.approx(0.2 / 0.8, rel=0.1)
    assert found.after == pytest.approx(0.05 / 0.95, rel=0.3)
    assert 4_000 < found.offset < 4_600


def test_one_change_is_told_once() -> None:
    """Whatever goes up and down within an hour; later it is news again."""
    spells = [(2_000, 0.3 if turn % 2 else 0.02) for turn in range(6)]
    assert len(watch(shopping(*spells)).told()) == 1
    assert len(watch(shopping(*spells), hours=2.0 * COOLDOWN_MS / 3_600_000).told()) == 5


def test_the_blend_is_watched_once_it_has_learned() -> None:
    """By its loss on rows it has not learned yet: what it relied on has stopped to matter."""
    blend, drift = Blend(first=20), Drift()
    rows = [row(blend, "history", "popular")] * 500 + [row(blend, "popular", "history")] * 100
    for offset, one in enumerate(rows):
        seen = step(offset, clicked=False).model_copy(update={"row": one, "slate_id": None})
        drift.learn_one(seen, blend, offset=offset, clock_ms=START_MS)
        assert bool(drift.means()) == (blend.learned >= 80)
        blend.learn_one(one)
    (found,) = drift.told()
    assert found.what == "blend_loss"
    assert found.before < 0.2 < found.after
    assert 500 < found.offset < 540


def test_loss_by_example() -> None:
    """Log 2 where the blend sees no difference, less where it is right; nothing of a row that teaches nothing."""
    alike = row(BLEND, "content", "words")
    assert row_loss(alike, BLEND) == pytest.approx(np.log(2), abs=1e-5)
    assert (row_loss(row(BLEND, "session_knn", "popular"), BLEND) or 9) < 0.1
    assert row_loss(alike.model_copy(update={"version": "another"}), BLEND) is None
    assert row_loss(alike.model_copy(update={"features": "AAAA"}), BLEND) is None
    assert row_loss(alike.model_copy(update={"rows": 1, "features": alike.features[:90]}), BLEND) is None


@pytest.mark.parametrize("cut", [0, 700, 4_100, 5_000])
def test_a_restored_watch_notices_the_same(cut: int) -> None:
    """At the same offset, in the same words, to the last bit: all workers say the same whenever they started."""
    steps = list(shopping((4_000, 0.2), (2_000, 0.05)))
    whole, first, second = watch(steps), watch(steps[:cut]), Drift()
    second.restore(part("d", prefixed("d", {name: array.copy() for name, array in first.state().items()})))
    watch(steps[cut:], second)
    assert first.told() + second.told() == whole.told()
    assert all((array == second.state()[name]).all() for name, array in whole.state().items())


def test_memory_is_bounded_and_survives_its_own_turns() -> None:
    """A full window lets its older half go, and a window that was rebuilt goes on alike."""
    random, window, again = Random(5), Window(), Window()
    values = [random.random() for _ in range(WINDOW + 2_000)]
    for value in values[: WINDOW + 1]:
        window.update(value)
    assert len(window.state()) == WINDOW // 2 + 1
    again.restore(window.state().copy())
    for value in values[WINDOW + 1 :]:
        assert window.update(value) == again.update(value)
    assert window.mean == again.mean


def figure(name: str, what: str) -> float:
    """Read a metric as Prometheus would."""
    return REGISTRY.get_sample_value(name, {"what": what}) or 0.0


def test_operators_are_told_what_is_news(caplog: pytest.LogCaptureFixture) -> None:
    """A metric and one log record with the offset; of what was in the log before the worker began, only the means."""
    steps = list(shopping((4_000, 0.2), (3_000, 0.05)))
    (found,) = watch(steps).told()
    before = figure("aisle_drift_total", "click_rate")
    with caplog.at_level(logging.WARNING):
        tell(watch(steps), live_from=found.offset + 1)
        assert (figure("aisle_drift_total", "click_rate"), caplog.records) == (before, [])
        drift = watch(steps)
        tell(drift, live_from=found.offset)
        tell(drift, live_from=0)
    assert figure("aisle_drift_total", "click_rate") == before + 1
    assert figure("aisle_drift_mean", "click_rate") == pytest.approx(0.05, rel=0.4)
    (record,) = caplog.records
    assert record.getMessage().startswith("drift: click_rate was 0.2")
    said = Drifted(**{name: getattr(record, name) for name in Drifted._fields})
    assert (said, record.topic) == (found, "learning")
